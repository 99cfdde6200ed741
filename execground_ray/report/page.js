// The browser of examples: unpacks the rows, filters them, and shows one with its code, trace and reasoning.

const at = id => document.getElementById(id);
const PYTHON = /(#.*)|("""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\b(\d[\w.]*)\b|\b(def|class|return|if|elif|else|for|while|in|not|and|or|is|import|from|as|with|try|except|finally|raise|yield|lambda|pass|break|continue|global|nonlocal|del|assert|async|await|match|case|None|True|False|self)\b/g;
let examples = [], shown = [], current = null;

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), character => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

// ---- the list and its filters

const words = name => name.replaceAll("_", " ");
const rejected = row => row.reason !== "" && row.reason !== "traced";
const about = row => row.reason ? `${row.stage}: ${words(row.reason)}` : row.question.slice(0, 80);

function matches(row) {
  const kind = rejected(row) ? "rejected" : "accepted";
  const query = at("search").value.trim().toLowerCase();
  return (!at("kind").value || at("kind").value === kind || (at("kind").value === "flawed" && row.findings.length > 0))
    && (!at("stage").value || at("stage").value === row.stage)
    && (!at("reason").value || at("reason").value === row.reason)
    && (!query || row.searched.includes(query));
}

function filter() {
  shown = examples.filter(matches);
  at("count").textContent = `${shown.length} of ${examples.length}`;
  at("list").replaceChildren(...shown.map(row => {
    const item = make("button", rejected(row) ? "rejected" : "accepted",
      make("span", "name", row.id), make("span", "about", about(row)));
    item.type = "button";
    item.dataset.id = row.id;
    item.setAttribute("role", "option");
    item.addEventListener("click", () => show(row));
    return item;
  }));
  if (!shown.length) at("list").append(make("p", "soft none", "No row matches."));
  if (shown.length && !shown.includes(current)) show(shown[0]); else mark();
}

function mark() {
  for (const item of at("list").children) {
    const selected = item.dataset.id === current?.id;
    item.setAttribute("aria-selected", selected);
    if (selected) at("list").scrollTop = Math.min(Math.max(at("list").scrollTop,
      item.offsetTop - at("list").offsetTop + item.offsetHeight - at("list").clientHeight), item.offsetTop - at("list").offsetTop);
  }
}

function choose(name, value) {
  if (value && ![...at(name).options].some(option => option.value === value)) return;
  at(name).value = value ?? "";
}

function fillChoices() {
  for (const name of ["stage", "reason"]) {
    const counts = new Map();
    for (const row of examples) if (row.reason) counts.set(row[name], (counts.get(row[name]) ?? 0) + 1);
    for (const [value, count] of counts) at(name).append(new Option(`${words(value)} (${count})`, value));
  }
}

// ---- one row

function show(row) {
  current = row;
  mark();
  const top = make("div", "top", make("h3", "", row.id),
    make("span", rejected(row) ? "badge bad" : "badge good", row.reason ? about(row) : "accepted"),
    make("span", "soft", row.locator));
  if (row.grounded !== null && row.text) top.append(make("span", "soft", `${Math.round(row.grounded * 1000) / 10}% grounded`));
  const moves = make("span", "moves");
  for (const [label, step] of [["‹", -1], ["›", 1]]) {
    const next = shown[shown.indexOf(row) + step];
    const button = make("button", "move", label);
    button.type = "button";
    button.setAttribute("aria-label", step < 0 ? "previous row" : "next row");
    button.disabled = !next;
    button.addEventListener("click", () => show(next));
    moves.append(button);
  }
  top.append(moves);
  const parts = [top];
  if (row.detail) parts.push(make("p", "why", row.detail));
  if (row.question) parts.push(make("details", "", make("summary", "", "question"), make("div", "question", row.question)));
  if (row.input) parts.push(make("dl", "call", make("dt", "", "input"), make("dd", "", row.input),
    make("dt", "", "returned"), make("dd", "", row.output)));
  const panes = make("div", "panes");
  const code = row.code && pane("Code", `${row.code.trimEnd().split("\n").length} lines`, codeLines(row.code), "code");
  const trace = row.trace && pane("Trace", `${row.lines} lines · ${row.milliseconds} ms`, lines(row.trace), "trace");
  panes.append(...[code, trace].filter(Boolean));
  if (row.text) panes.append(reasoning(row, trace, code));
  if (panes.children.length === 1) panes.classList.add("one");
  parts.push(panes);
  if (row.findings.length) parts.push(findingList(row));
  at("detail").replaceChildren(...parts);
}

function pane(title, side, content, className) {
  const body = make("div", `body ${className}`, ...content);
  return make("section", `pane ${className}-pane`, make("h4", "", title, make("span", "", side)), body);
}

// A line that is too long goes on below its own beginning, two characters further in.
function lineRow(number, indent, ...content) {
  const line = make("span", "line", ...content);
  line.style.paddingLeft = `${indent + 2}ch`;
  line.style.textIndent = `-${indent + 2}ch`;
  return make("div", "row", make("span", "number", String(number)), line);
}

const lines = text => text.trimEnd().split("\n").map(line => line.replace(/^ /, ""))
  .map((line, index) => lineRow(index + 1, line.match(/^(?: *\d+ \|)?[ .]*/)[0].length, line));

function codeLines(code) {
  const rows = [[]];
  const put = (text, className) => text.split("\n").forEach((part, index) => {
    if (index) rows.push([]);
    if (part) rows.at(-1).push(className ? make("span", className, part) : part);
  });
  let end = 0;
  code = code.trimEnd();
  for (const found of code.matchAll(PYTHON)) {
    put(code.slice(end, found.index));
    put(found[0], found[1] ? "c" : found[2] ? "s" : found[3] ? "n" : "k");
    end = found.index + found[0].length;
  }
  put(code.slice(end));
  const indents = code.split("\n").map(line => line.match(/^ */)[0].length);
  return rows.map((content, index) => lineRow(index + 1, indents[index], ...content));
}

// ---- everything at its start

function listen() {
  for (const name of ["search", "kind", "stage", "reason"]) at(name).addEventListener("input", filter);
  at("filters").addEventListener("submit", event => event.preventDefault());
  at("filters").addEventListener("reset", () => setTimeout(filter));
  for (const chip of document.querySelectorAll(".chip")) chip.addEventListener("click", () => {
    at("filters").reset();
    for (const name of ["kind", "stage", "reason"]) choose(name, chip.dataset[name]);
    filter();
    at("browser").scrollIntoView({ behavior: "smooth" });
  });
  const tip = at("tip");
  document.addEventListener("pointermove", event => {
    const says = event.target.closest?.("figure path[aria-label]")?.getAttribute("aria-label");
    tip.hidden = !says;
    if (!says) return;
    tip.textContent = says;
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 6)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  });
}

unpack(at("data").textContent).finally(() => delete at("detail").dataset.waiting).then(rows => {
  examples = rows;
  for (const row of rows) row.searched = [row.id, row.locator, row.reason, row.detail, row.question, row.text].join("\n").toLowerCase();
  fillChoices();
  listen();
  filter();
  const linked = examples.find(row => row.id === decodeURIComponent(location.hash.slice(1)));
  if (linked) show(linked);
  else if (!examples.length) at("detail").replaceChildren(make("p", "soft", "No rows."));
}, error => at("detail").replaceChildren(make("p", "alarm", `The rows cannot be unpacked by this browser: ${error}`)));
