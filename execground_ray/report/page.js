"use strict";
// The browser of examples: unpacks the rows, filters them, and shows one with its code, trace and reasoning. For each
// value that the reasoning cites it looks up where the trace has it, reading both in order.

const at = id => document.getElementById(id);
const LITERAL = /"[^"\n]*"|(?<!\w)'[^'\n]*'(?!\w)|(?<![\w.])-?\d[\d_]*(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?|\b(?:True|False|None)\b/g;
const WHOLE = /^(?:"[^"]*"|'[^']*'|-?\d[\d_,]*(?:\.\d+)?(?:e[+-]?\d+)?|True|False|None)$/;
const PYTHON = /(#.*)|("""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\b(\d[\w.]*)\b|\b(def|class|return|if|elif|else|for|while|in|not|and|or|is|import|from|as|with|try|except|finally|raise|yield|lambda|pass|break|continue|global|nonlocal|del|assert|async|await|match|case|None|True|False|self)\b/g;
let examples = [], shown = [], current = null;

function isLiteral(text) {
  const bare = text.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, "");
  return WHOLE.test(text) || (/^[[{(].*[\])}]$/.test(text) && !/(?!\b(?:True|False|None|nan|inf|e)\b)\b[A-Za-z_]/.test(bare));
}

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
const about = row => row.reason ? `${row.stage}: ${words(row.reason)}` : row.question.slice(0, 80);

function matches(row) {
  const kind = row.reason ? "rejected" : "accepted";
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
    const item = make("button", row.reason ? "rejected" : "accepted",
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
    make("span", row.reason ? "badge bad" : "badge good", row.reason ? about(row) : "accepted"),
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

// ---- the reasoning: what it cites, and where the trace has it

function citedValues(text) {
  const values = [], names = [];
  const add = (start, value, name) => values.push({ start, end: start + value.length, value, name });
  const scan = (start, part) => {
    for (const found of part.matchAll(LITERAL)) {
      const named = part.slice(0, found.index).match(/([A-Za-z_][\w.]*) = $/);
      add(start + found.index, found[0], named?.[1]);
    }
  };
  let end = 0;
  for (const span of text.matchAll(/`([^`\n]+)`/g)) {
    scan(end, text.slice(end, span.index));
    const start = span.index + 1;
    const named = span[1].match(/^([A-Za-z_][\w.]*) = (.+)$/);
    if (/^[A-Za-z_][\w.]*$/.test(span[1]) && !isLiteral(span[1])) names.push({ start, name: span[1] });
    else if (isLiteral(span[1])) add(start, span[1]);
    else if (named && isLiteral(named[2])) add(start + span[1].length - named[2].length, named[2], named[1]);
    else scan(start, span[1]);
    end = span.index + span[0].length;
  }
  scan(end, text.slice(end));
  for (const cited of values) {
    const near = names.findLast(name => name.start < cited.start);
    const between = near && text.slice(near.start + near.name.length, cited.start);
    if (near && /^`\s[a-z ]{2,24}\s`(?:[^`]* = )?$/.test(between)) cited.name ??= near.name;
    cited.returned = /(return|output|answer)[^.\n]*$/i.test(text.slice(Math.max(0, cited.start - 60), cited.start));
  }
  return values;
}

// The number of a line of code is no value.
const withoutNumber = line => line.replace(/^ *\d+ (?=\|)/, number => " ".repeat(number.length));
const escape = text => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function spellings(value) {
  const quoted = value.match(/^(["'])([^"']*)\1$/);
  const plain = value.replace(/(?<=\d)[,_](?=\d)/g, "");
  const all = quoted ? [`'${quoted[2]}'`, `"${quoted[2]}"`] : WHOLE.test(value) && /^-?\d/.test(value) ? [plain] : [value];
  return new RegExp(`(?<![\\w.])(?:${all.map(escape).join("|")})(?!\\w|\\.\\d)`, "g");
}

function findPlaces(values, trace) {
  let reached = 0;
  for (const cited of values) {
    const pattern = cited.pattern = spellings(cited.value);
    const has = trace.flatMap((line, index) => line.search(pattern) >= 0 ? [index] : []);
    const named = has.filter(index => cited.name && trace[index].includes(`.. ${cited.name} = `)
      && trace[index].split(" = ").slice(1).join(" = ").search(pattern) === 0);
    const returns = has.filter(index => /^ *(<<< Return|Result)/.test(trace[index]));
    const wanted = cited.returned && returns.length ? returns : named.length ? named : has;
    cited.places = has;
    cited.best = wanted.find(index => index >= reached) ?? wanted.at(-1);
    if (wanted !== has && cited.best !== undefined) reached = cited.best;
  }
}

function utf16(text, offset) {
  let units = 0;
  for (const character of text) {
    if (offset-- <= 0) break;
    units += character.length;
  }
  return units;
}

function reasoning(row, tracePane, codePane) {
  const values = citedValues(row.text);
  const trace = row.trace.trimEnd().split("\n");
  findPlaces(values, trace.map(withoutNumber));
  const body = make("div", "body", segments(row, values));
  const note = make("div", "note", "Point at a value to see where the trace has it.");
  let pinned = null;
  const light = cited => {
    for (const part of body.querySelectorAll(".on")) part.classList.remove("on");
    for (const lit of document.querySelectorAll(".row.hit, .row.also")) {
      lit.classList.remove("hit", "also");
      if (lit.dataset.marked) lit.lastChild.replaceChildren(lit.dataset.marked);
      delete lit.dataset.marked;
    }
    if (!cited) return;
    for (const part of body.querySelectorAll(`[data-value="${values.indexOf(cited)}"]`)) part.classList.add("on");
    note.replaceChildren(...describe(cited, trace, row));
    if (tracePane) lightTrace(cited, trace, tracePane, codePane);
  };
  const valueAt = event => values[event.target.closest?.(".value")?.dataset.value];
  body.addEventListener("pointerover", event => valueAt(event) && light(valueAt(event)));
  body.addEventListener("pointerout", event => valueAt(event) && light(pinned));
  body.addEventListener("click", event => light(pinned = valueAt(event) === pinned ? null : valueAt(event)));
  const found = values.filter(cited => cited.places.length).length;
  return make("section", "pane reasoning",
    make("h4", "", "Reasoning", make("span", "", `${found} of ${values.length} values in the trace`)), body, note);
}

function lightTrace(cited, trace, tracePane, codePane) {
  const body = tracePane.querySelector(".body");
  for (const index of cited.places) {
    const row = body.children[index];
    row.classList.add(index === cited.best ? "hit" : "also");
    const text = row.dataset.marked = row.lastChild.textContent;
    const found = [...withoutNumber(text).matchAll(cited.pattern)].at(index === cited.best ? 0 : -1);
    if (found) row.lastChild.replaceChildren(text.slice(0, found.index), make("mark", "", found[0]),
      text.slice(found.index + found[0].length));
  }
  if (cited.best === undefined) return;
  const row = body.children[cited.best];
  body.scrollTop = row.offsetTop - body.clientHeight / 2;
  const number = sourceLine(trace, cited.best);
  const source = codePane?.querySelector(".body").children[number - 1];
  if (!source) return;
  source.classList.add("also");
  codePane.querySelector(".body").scrollTop = source.offsetTop - body.clientHeight / 2;
}

function sourceLine(trace, index) {
  const number = line => Number(line.match(/^ *(\d+) \|/)?.[1]);
  for (let up = index; up >= 0 && !/^ *>>> /.test(trace[up]); up--) if (number(trace[up])) return number(trace[up]);
  for (let down = index; down < trace.length; down++) if (number(trace[down])) return number(trace[down]);
  return NaN;
}

function describe(cited, trace, row) {
  const value = make("code", "", cited.value.length > 60 ? `${cited.value.slice(0, 60)}…` : cited.value);
  if (cited.best !== undefined) {
    const more = cited.places.length - 1;
    return [value, ` · line ${cited.best + 1} of the trace${more ? `, and ${more} more` : ""}: `,
      make("code", "", trace[cited.best].replace(/^[ .]+/, "").slice(0, 160))];
  }
  const others = Object.entries({ "the input": row.input, "the code": row.code, "the question": row.question })
    .filter(([, text]) => text.search(cited.pattern) >= 0).map(([name]) => name);
  return [value, others.length ? ` · not in the trace, but in ${others.join(" and ")}` : " · not in the trace as it stands"];
}

function segments(row, values) {
  const text = row.text;
  const spans = values.map((cited, index) => [cited.start, cited.end, part => {
    part.classList.add("value");
    if (cited.best === undefined) part.classList.add("absent");
    part.dataset.value = index;
  }]);
  row.findings.forEach((finding, index) => spans.push([utf16(text, finding.start), utf16(text, finding.end), part => {
    part.classList.add("finding");
    part.title = `${words(finding.kind)}: ${finding.message}`;
    part.dataset.finding = index;
  }]));
  const style = (start, end, name) => spans.push([start, end, part => part.classList.add(name)]);
  for (const [pattern, width, name] of [[/`[^`\n]+`/g, 1, "mono"], [/\*\*[^*\n]+\*\*/g, 2, "strong"]]) {
    for (const found of text.matchAll(pattern)) {
      const start = found.index, end = start + found[0].length;
      style(start, start + width, "tick");
      style(start + width, end - width, name);
      style(end - width, end, "tick");
    }
  }
  const cuts = [...new Set([0, text.length, ...spans.flatMap(([start, end]) => [start, end])])].sort((a, b) => a - b);
  const whole = make("div", "text");
  spans.sort((a, b) => a[0] - b[0]);
  for (let cut = 0; cut + 1 < cuts.length; cut++) {
    const [start, end] = [cuts[cut], cuts[cut + 1]];
    const over = spans.filter(span => span[0] <= start && span[1] >= end);
    const part = over.length ? make("span", "", text.slice(start, end)) : text.slice(start, end);
    for (const [, , apply] of over) apply(part);
    whole.append(part);
  }
  return whole;
}

function findingList(row) {
  return make("ul", "findings", ...row.findings.map((finding, index) => {
    const button = make("button", "", make("b", "", words(finding.kind)), ` ${finding.message}`);
    button.type = "button";
    button.addEventListener("click", () =>
      document.querySelector(`[data-finding="${index}"]`)?.scrollIntoView({ block: "center" }));
    return make("li", "", button);
  }));
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
