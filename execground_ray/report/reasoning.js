"use strict";
// The reasoning of a row: its passages show the lines of the trace that they cite, a line the passages that cite it, and
// a value where those lines have it. Comes before page.js in the page.

const LITERAL = /"[^"\n]*"|(?<!\w)'[^'\n]*'(?!\w)|(?<![\w.])-?\d[\d_]*(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?|\b(?:True|False|None)\b/g;
const WHOLE = /^(?:"[^"]*"|'[^']*'|-?\d[\d_,]*(?:\.\d+)?(?:e[+-]?\d+)?|True|False|None)$/;

function isLiteral(text) {
  const bare = text.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, "");
  return WHOLE.test(text) || (/^[[{(].*[\])}]$/.test(text) && !/(?!\b(?:True|False|None|nan|inf|e)\b)\b[A-Za-z_]/.test(bare));
}

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

// A value is looked up in the lines that its passage cites; the final output, and all in a text without citations, in the
// whole trace.
function findPlaces(values, trace, passages) {
  for (const cited of values) {
    const pattern = cited.pattern = spellings(cited.value);
    const passage = passages.find(passage => passage.start <= cited.start && cited.start < passage.end);
    const told = index => passage ? passage.lines.has(index) : cited.returned || !passages.length;
    const has = trace.flatMap((line, index) => told(index) && line.search(pattern) >= 0 ? [index] : []);
    const named = has.filter(index => cited.name && trace[index].includes(`.. ${cited.name} = `)
      && trace[index].split(" = ").slice(1).join(" = ").search(pattern) === 0);
    const returns = has.filter(index => /^ *(<<< Return|Result)/.test(trace[index]));
    cited.places = has;
    const wanted = cited.returned && returns.length ? returns : named.length ? named : has;
    cited.best = passage ? wanted[0] : wanted.at(-1);
  }
}

function readPassages(row) {
  return row.passages.map(([start, end, ranges]) => ({
    start: utf16(row.text, start),
    end: utf16(row.text, end),
    ranges,
    lines: new Set(ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, step) => first + step - 1))),
  }));
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
  const passages = readPassages(row);
  findPlaces(values, trace.map(withoutNumber), passages);
  const body = make("div", "body", segments(row, values, passages));
  const note = make("div", "note", passages.length ? "Point at words to see the lines that they tell, or at a line."
    : "Point at a value to see where the trace has it.");
  let pinned = null;
  if (tracePane && passages.length) linkLines(body, tracePane.querySelector(".body"), passages, trace);
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
  const told = row.coverage === null || !passages.length ? `${found} of ${values.length} values in the trace`
    : `tells ${Math.round(row.coverage * 100)}% of the steps`;
  return make("section", "pane reasoning", make("h4", "", "Reasoning", make("span", "", told)), body, note);
}

// A passage lights the lines that it cites, and a line the passages that cite it; a step that none tells is marked.
function linkLines(text, lines, passages, trace) {
  const clear = () => {
    for (const part of document.querySelectorAll(".cited")) part.classList.remove("cited");
  };
  const light = wanted => {
    clear();
    for (const index of wanted) {
      for (const part of text.querySelectorAll(`[data-passage="${index}"]`)) part.classList.add("cited");
      for (const line of passages[index].lines) lines.children[line]?.classList.add("cited");
    }
  };
  text.addEventListener("pointerover", event => {
    const index = event.target.closest?.("[data-passage]")?.dataset.passage;
    if (index === undefined) return;
    light([index]);
    const first = lines.children[passages[index].ranges[0][0] - 1];
    if (first) lines.scrollTop = first.offsetTop - lines.clientHeight / 3;
  });
  lines.addEventListener("pointerover", event => {
    const line = [...lines.children].indexOf(event.target.closest?.(".row"));
    if (line >= 0) light([...passages.keys()].filter(index => passages[index].lines.has(line)));
  });
  for (const pane of [text, lines]) pane.addEventListener("pointerleave", clear);
  trace.forEach((line, index) => {
    if (/^ *\d+ \|/.test(line) && !passages.some(passage => passage.lines.has(index))) lines.children[index]?.classList.add("untold");
  });
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

function segments(row, values, passages) {
  const text = row.text;
  const spans = values.map((cited, index) => [cited.start, cited.end, part => {
    part.classList.add("value");
    if (cited.best === undefined) part.classList.add("absent");
    part.dataset.value = index;
  }]);
  passages.forEach((passage, index) => spans.push([passage.start, passage.end, part => { part.dataset.passage = index; }]));
  row.findings.forEach((finding, index) => spans.push([utf16(text, finding.start), utf16(text, finding.end), part => {
    part.classList.add("finding", finding.outcome ?? "contradicted");
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
    const button = make("button", finding.outcome ?? "contradicted",
      make("b", "", `${finding.outcome === "unknown" ? "unknown " : ""}${words(finding.kind)}`), ` ${finding.message}`);
    button.type = "button";
    button.addEventListener("click", () =>
      document.querySelector(`[data-finding="${index}"]`)?.scrollIntoView({ block: "center" }));
    return make("li", "", button);
  }));
}
