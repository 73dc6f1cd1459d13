// The page of `clearway calibrate`. It keeps what was clicked and typed, sends it, and draws what comes back.
// All geometry is the program's: here is none but where a click lies in its picture, which the browser says.

const draft = { typed: {}, points: [], parts: [], by: "points" };
let sheet = null, kinds = {}, target = { sort: "point" }, asking = null, stale = false, waiting = null, saved = "";
const shown = { grid: true, ellipses: true };
const byId = (id) => document.getElementById(id);
const still = byId("still"), map = byId("map"), loupe = byId("loupe");
const whole = still.viewBox.baseVal.width + " " + still.viewBox.baseVal.height;
const [WIDTH, HEIGHT] = whole.split(" ").map(Number);
const cross = { still: { x: WIDTH / 2, y: HEIGHT / 2, on: false }, map: { x: 450, y: 150, on: false } };
const HELP = {
  points: "Click a point that was measured, then type its metres: along the road, and across it, from any origin. Four at least, like the corners of a rectangle; six or more check each other.",
  rectangle: "Click the corners of a stretch of lane: near left, near right, far right, far left. Then type how wide the lane is, and how long from the first dash to the last.",
};

function make(space, name, given = {}, ...inside) {
  const made = space ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside);
  return made;
}
const html = (...given) => make(false, ...given), svg = (...given) => make(true, ...given);
const pairs = (points) => points.map((p) => p.join(",")).join(" ");
const round = (value) => Math.round(value * 10) / 10;

// Asking

function changed() {
  stale = true;
  clearTimeout(waiting);
  state("…", "");
  waiting = setTimeout(ask, 120);
}

// One question at a time, and another where something changed meanwhile.
function ask() {
  stale = true;
  asking ??= (async () => {
    while (stale) {
      stale = false;
      const answer = await post("/sheet");
      if (!answer || stale) continue;
      if (answer.problem) state(answer.problem, "bad");
      else show(answer);
    }
    asking = null;
  })();
  return asking;
}

function show(answer) {
  sheet = answer;
  settle();
  draw();
  fill();
}

async function post(path) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(draft) });
    return await answer.json();
  } catch {
    state("the program does not answer; is it still running?", "bad");
    return null;
  }
}

// A corner that was clicked from above becomes metres, as the program says they are.
function settle() {
  draft.parts.forEach((part, n) => {
    for (const [key, corners] of Object.entries(part.drawn)) {
      const metres = sheet.parts[n] && sheet.parts[n].m[key];
      if (metres && metres.length === corners.length) part.drawn[key] = corners.map((c, k) => (c.map ? { m: metres[k] } : c));
    }
  });
}

async function save() {
  clearTimeout(waiting);
  await ask();
  const answer = await post("/save");
  if (!answer) return;
  saved = answer.saved || "";
  state(answer.saved ? "saved" : "not saved", answer.saved ? "ok" : "bad");
  fill(answer.problem ? `${answer.problem} ${answer.remedy}` : "");
  byId("problems").scrollIntoView({ block: "nearest" });
}

function state(words, sort) {
  const badge = byId("state");
  badge.textContent = words;
  badge.className = `badge ${sort}`;
}

// Clicking

function where(canvas, event) {
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(canvas.getScreenCTM().inverse());
}

function placed(canvas, at) {
  const px = [round(at.x), round(at.y)];
  if (target.sort === "point") {
    if (canvas !== still) return hint("points are clicked on the still");
    if (draft.by === "rectangle" && draft.points.length >= 4) return hint("four corners are enough");
    draft.points.push({ px, along: "", across: "" });
    listPoints();
    if (draft.by === "points") byId("points").querySelector(`[data-at="${draft.points.length - 1} along"]`).focus({ preventScroll: true });
  } else if (target.sort === "part") {
    const part = draft.parts[target.n], drawn = kinds[part.kind].drawn.find((one) => one.key === target.key);
    const corners = part.drawn[target.key] || (part.drawn[target.key] = []);
    if (drawn.sort === "box" && canvas !== still) return hint("lamps are drawn on the still");
    if (drawn.sort !== "zone" && corners.length >= 2) corners.length = 0;
    corners.push(canvas === still ? { px } : { map: px });
    if (drawn.sort !== "zone" && corners.length === 2) next();
  }
  changed();
  draw();
  hint();
}

// When one thing of a part is drawn, the next one's turn comes.
function next() {
  const part = draft.parts[target.n], keys = kinds[part.kind].drawn.map((one) => one.key);
  const open = keys.slice(keys.indexOf(target.key) + 1).find((key) => !(part.drawn[key] || []).length);
  aim(open ? { sort: "part", n: target.n, key: open } : { sort: "none" });
}

function aim(at) {
  target = at;
  hint();
  for (const button of document.querySelectorAll("[data-aim]")) {
    const mine = target.sort === "part" ? `${target.n} ${target.key}` : target.sort;
    button.setAttribute("aria-pressed", String(button.dataset.aim === mine));
  }
}

function hint(words) {
  if (words) byId("hint").textContent = `${words[0].toUpperCase()}${words.slice(1)}.`;
  else if (target.sort === "point") byId("hint").textContent = draft.by === "points" ? "Click a point that was measured; type its metres beside." : "Click the four corners of the lane: near left, near right, far right, far left.";
  else if (target.sort === "part") {
    const part = draft.parts[target.n], drawn = kinds[part.kind].drawn.find((one) => one.key === target.key);
    byId("hint").textContent = `${kinds[part.kind].words}: click ${drawn.words}.${drawn.sort === "zone" ? " Escape ends it." : ""}`;
  } else byId("hint").textContent = "Drag what is drawn, or choose what to draw next.";
}

function zoom(canvas, factor, at) {
  const box = canvas.viewBox.baseVal, [w, h] = canvas === still ? [WIDTH, HEIGHT] : [sheet.map.width, sheet.map.height];
  const width = Math.min(w, Math.max(w / 24, box.width / factor)), height = (width * h) / w;
  const keep = (low, long, place, all, wide) => Math.min(all - wide, Math.max(0, place - ((place - low) / long) * wide));
  const x = keep(box.x, box.width, at.x, w, width), y = keep(box.y, box.height, at.y, h, height);
  canvas.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  draw();
}

function look(canvas, at) {
  const inside = at.x >= 0 && at.y >= 0 && at.x <= canvas.viewBox.baseVal.x + canvas.viewBox.baseVal.width;
  if (canvas === still) {
    byId("at").textContent = inside ? `${round(at.x)}, ${round(at.y)} px` : "\u00a0";
    loupe.setAttribute("viewBox", `${at.x - 12} ${at.y - 12} 24 24`);
    loupe.querySelector("path").setAttribute("d", `M${at.x - 12} ${at.y}H${at.x + 12}M${at.x} ${at.y - 12}V${at.y + 12}`);
    loupe.setAttribute("class", `loupe on${at.x > still.viewBox.baseVal.x + still.viewBox.baseVal.width * 0.6 ? " left" : ""}`);
  }
}

for (const canvas of [still, map]) {
  const mine = cross[canvas.id];
  let held = null, moved = false;
  canvas.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-handle]");
    held = handle ? handle.dataset.handle : "";
    moved = false;
    canvas.setPointerCapture(event.pointerId);
    if (handle) handle.focus({ preventScroll: true });
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = where(canvas, event);
    look(canvas, at);
    if (held) {
      moved = true;
      move(canvas, held, at);
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held === "" && event.button === 0) placed(canvas, where(canvas, event));
    else if (held && !moved && target.sort === "part") placed(canvas, stands(canvas, held)); // exactly there, so that parts share corners
    else if (held && moved) changed();
    held = null;
  });
  canvas.addEventListener("pointerleave", () => loupe.classList.remove("on"));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(canvas, event.deltaY < 0 ? 1.25 : 0.8, where(canvas, event));
  }, { passive: false });
  canvas.addEventListener("blur", () => { mine.on = false; draw(); });
  canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : event.altKey ? 0.1 : 1;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const handle = event.target.dataset && event.target.dataset.handle;
    if (by && handle) nudge(canvas, handle, by);
    else if (by) Object.assign(mine, { x: round(mine.x + by[0]), y: round(mine.y + by[1]), on: true });
    else if (event.key === "Enter" && !handle) { mine.on = true; placed(canvas, mine); }
    else if ((event.key === "Delete" || event.key === "Backspace") && handle) drop(handle);
    else if (event.key === "+" || event.key === "=") zoom(canvas, 1.25, mine);
    else if (event.key === "-") zoom(canvas, 0.8, mine);
    else if (event.key === "Escape") aim({ sort: "none" });
    else return;
    event.preventDefault();
    if (by && !handle) { look(canvas, mine); draw(); }
  });
}

function stands(canvas, handle) {
  const [x, y] = canvas.querySelector(`[data-handle="${handle}"]`).dataset.at.split(",").map(Number);
  return { x, y };
}

// "point 2", or "part 0 zone_m 3"
function handled(handle) {
  const [sort, n, key, corner] = handle.split(" ");
  return sort === "point" ? { point: draft.points[n], n: Number(n) } : { part: draft.parts[n], n: Number(n), key, corner: Number(corner) };
}

function move(canvas, handle, at) {
  const one = handled(handle), px = [round(at.x), round(at.y)];
  if (one.point) {
    if (canvas !== still) return;
    one.point.px = px;
    fillPoint(one.n);
  } else one.part.drawn[one.key][one.corner] = canvas === still ? { px } : { map: px };
  draw(handle, canvas, px);
}

function nudge(canvas, handle, by) {
  const { x, y } = stands(canvas, handle);
  move(canvas, handle, { x: x + by[0], y: y + by[1] });
  changed();
  const again = canvas.querySelector(`[data-handle="${handle}"]`);
  if (again) again.focus({ preventScroll: true });
}

function drop(handle) {
  const one = handled(handle);
  if (one.point) {
    draft.points.splice(one.n, 1);
    listPoints();
  } else one.part.drawn[one.key].splice(one.corner, 1);
  changed();
  draw();
}

// Drawing

function draw(dragged = "", on = null, dragPx = null) {
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.handle : "";
  const canvasOf = document.activeElement && document.activeElement.ownerSVGElement;
  drawStill(dragged && on === still ? dragged : "", dragPx);
  drawMap(dragged && on === map ? dragged : "", dragPx);
  if (focused && canvasOf) {
    const again = canvasOf.querySelector(`[data-handle="${focused}"]`);
    if (again) again.focus({ preventScroll: true });
  }
}

const unit = (canvas) => 1 / (canvas.getScreenCTM()?.a || 1);

function drawStill() {
  const u = unit(still), layers = [still.querySelector("image")];
  if (sheet && shown.grid) for (const line of sheet.grid) layers.push(svg("polyline", { class: "g", points: pairs(line) }));
  if (sheet && shown.ellipses) for (const [outline] of sheet.ellipses) layers.push(svg("polygon", { class: "e", points: pairs(outline) }));
  draft.parts.forEach((part, n) => {
    const at = (key, k, corner) => corner.px || (sheet && sheet.parts[n] && sheet.parts[n].still[key] && sheet.parts[n].still[key][k]);
    layers.push(...shapes(part, n, at, u, still));
  });
  draft.points.forEach((point, n) => {
    const one = sheet && sheet.points[n], [x, y] = point.px;
    if (one && one.fitted) layers.push(svg("path", { class: "fitted", d: `M${one.fitted[0] - 5 * u} ${one.fitted[1] - 5 * u}l${10 * u} ${10 * u}m0 ${-10 * u}l${-10 * u} ${10 * u}` }));
    layers.push(handleOf("point " + n, "p" + (one && one.doubtful ? " bad" : ""), x, y, 9 * u, String(n + 1), `Known point ${n + 1} at ${x}, ${y} pixels`, u));
  });
  if (cross.still.on) layers.push(crossOf(cross.still, 20 * u));
  still.replaceChildren(...layers);
}

function drawMap() {
  const layers = [], u = unit(map);
  if (!sheet || !sheet.map) {
    const words = svg("text", { class: "words", x: 450, y: 150, "text-anchor": "middle", "font-size": 18 }, "The road from above appears when four points are measured.");
    return map.replaceChildren(words);
  }
  const { width, height, version, grid, points } = sheet.map;
  if (map.dataset.version !== String(version)) {
    map.setAttribute("viewBox", `0 0 ${width} ${height}`);
    map.dataset.version = version;
  }
  layers.push(svg("image", { href: `/birdseye.jpg?${version}`, width, height }));
  for (const [[x1, y1], [x2, y2], words] of grid) {
    if (shown.grid) layers.push(svg("line", { class: "g", x1, y1, x2, y2 }));
    const left = x1 === x2 ? x1 + 3 * u : 4 * u, top = x1 === x2 ? height - 5 * u : y1 - 3 * u;
    layers.push(svg("text", { class: "words", x: left, y: top, "font-size": 11 * u }, words));
  }
  if (shown.ellipses) for (const [, outline] of sheet.ellipses) layers.push(svg("polygon", { class: "e", points: pairs(outline) }));
  draft.parts.forEach((part, n) => {
    const at = (key, k, corner) => corner.map || (sheet.parts[n] && sheet.parts[n].map[key] && sheet.parts[n].map[key][k]);
    layers.push(...shapes(part, n, at, u, map));
  });
  points.forEach(([x, y], n) => layers.push(svg("g", { class: "p" + (sheet.points[n].doubtful ? " bad" : "") }, svg("circle", { cx: x, cy: y, r: 5 * u }), svg("text", { class: "words", x: x + 8 * u, y: y + 4 * u, "font-size": 12 * u }, String(n + 1)))));
  if (cross.map.on) layers.push(crossOf(cross.map, 20 * u));
  map.replaceChildren(...layers);
}

function shapes(part, n, at, u, canvas) {
  const made = [], kind = kinds[part.kind], bad = sheet && sheet.problems.some((one) => one.at === `part ${n}`) ? " bad-part" : "";
  for (const one of kind.drawn) {
    const places = (part.drawn[one.key] || []).map((corner, k) => at(one.key, k, corner));
    const fine = places.filter(Boolean), group = `k-${part.kind}`;
    if (!fine.length || (one.sort === "box" && canvas !== still)) continue;
    if (one.sort === "zone") made.push(svg("g", { class: group }, svg("polygon", { class: `shape${bad}`, points: pairs(fine) })));
    else if (one.sort === "box" && fine.length === 2) {
      const [[a, b], [c, d]] = fine;
      made.push(svg("g", { class: group }, svg("rect", { class: `shape${bad}`, x: Math.min(a, c), y: Math.min(b, d), width: Math.abs(c - a), height: Math.abs(d - b) })));
    } else made.push(svg("g", { class: group }, svg("polyline", { class: `shape open${bad}`, points: pairs(fine), "marker-end": one.sort === "arrow" ? "url(#tip)" : null })));
    places.forEach((place, k) => {
      if (place) made.push(handleOf(`part ${n} ${one.key} ${k}`, "c", place[0], place[1], 5 * u, "", `${part.name || kind.words}, ${one.words}, corner ${k + 1}`, u));
    });
    if (one === kind.drawn[0]) {
      const [x, y] = one.sort === "zone" ? [0, 1].map((axis) => fine.reduce((sum, place) => sum + place[axis], 0) / fine.length) : fine[0];
      made.push(svg("text", { class: "words", x, y: one.sort === "zone" ? y : y - 8 * u, "text-anchor": one.sort === "zone" ? "middle" : "start", "font-size": 13 * u }, part.name || kind.words));
    }
  }
  return made;
}

function handleOf(handle, sort, x, y, r, words, label, u) {
  const group = svg("g", { class: `handle ${sort}`, "data-handle": handle, "data-at": `${x},${y}`, tabindex: 0, role: "button", "aria-label": `${label}. Arrow keys move it, Delete removes it.` });
  group.append(svg("circle", { cx: x, cy: y, r }));
  if (sort.startsWith("p")) group.append(svg("line", { x1: x - r, y1: y, x2: x + r, y2: y }), svg("line", { x1: x, y1: y - r, x2: x, y2: y + r }));
  if (words) group.append(svg("text", { class: "words", x: x + 1.3 * r, y: y - 0.6 * r, "font-size": 14 * u }, words));
  return group;
}

const crossOf = ({ x, y }, r) => svg("g", { class: "cross" }, svg("line", { x1: x - r, y1: y, x2: x + r, y2: y }), svg("line", { x1: x, y1: y - r, x2: x, y2: y + r }));

// The forms

function listPoints() {
  const rows = draft.points.flatMap((point, n) => {
    const field = (key, words, value) => html("input", { "data-at": `${n} ${key}`, "aria-label": `Point ${n + 1}, ${words}`, value, inputmode: "decimal", autocomplete: "off", oninput: (event) => typedPoint(n, key, event.target.value) });
    const metres = draft.by === "points" ? [html("td", {}, field("along", "metres along", point.along)), html("td", {}, field("across", "metres across", point.across))] : [];
    return [
      html("tr", {}, html("td", { class: "no" }, String(n + 1)), html("td", {}, field("x", "pixels from the left", point.px[0])), html("td", {}, field("y", "pixels from the top", point.px[1])), ...metres,
        html("td", {}, html("button", { class: "drop", "aria-label": `Remove point ${n + 1}`, onclick: () => drop(`point ${n}`) }, "✕"))),
      html("tr", { class: "off", id: `off-${n}` }, html("td", {}), html("td", { colspan: 5 })),
    ];
  });
  byId("points").replaceChildren(...rows);
  for (const head of document.querySelectorAll(".points th.m")) head.hidden = draft.by !== "points";
}

function typedPoint(n, key, value) {
  const point = draft.points[n], number = Number(value.replace(",", "."));
  if (key === "x" || key === "y") {
    if (value.trim() && Number.isFinite(number)) point.px[key === "x" ? 0 : 1] = number;
  } else point[key] = value;
  changed();
  draw();
}

function fillPoint(n) {
  for (const [key, value] of [["x", draft.points[n].px[0]], ["y", draft.points[n].px[1]]]) {
    const field = byId("points").querySelector(`[data-at="${n} ${key}"]`);
    if (field && document.activeElement !== field) field.value = value;
  }
}

function listParts() {
  byId("parts").replaceChildren(...draft.parts.map((part, n) => {
    const kind = kinds[part.kind];
    const typed = (key, words, example, choices = []) => {
      const given = { "data-part": `${n} ${key}`, oninput: (event) => { part.typed[key] = event.target.value; changed(); } };
      const field = choices.length ? html("select", given, ...choices.map((one) => html("option", { value: one }, one))) : html("input", { ...given, placeholder: example, autocomplete: "off" });
      field.value = part.typed[key] || (choices.length ? (part.typed[key] = choices[0]) : "");
      return html("label", { class: "line" }, html("span", {}, words), field);
    };
    const drawn = kind.drawn.map((one) => {
      const field = html("input", { "data-corners": `${n} ${one.key}`, autocomplete: "off", placeholder: one.sort === "box" ? "on the still" : "along across; along across", disabled: one.sort === "box", onchange: (event) => typedCorners(part, one.key, event.target.value) });
      const button = html("button", { "data-aim": `${n} ${one.key}`, "aria-pressed": "false", onclick: () => aim(target.sort === "part" && target.n === n && target.key === one.key ? { sort: "none" } : { sort: "part", n, key: one.key }) }, "Draw");
      const clear = html("button", { "aria-label": `Clear ${one.words}`, onclick: () => { part.drawn[one.key] = []; aim({ sort: "part", n, key: one.key }); changed(); draw(); } }, "Anew");
      return html("div", { class: "drawn" }, html("label", {}, html("span", {}, one.words), field), button, clear);
    });
    const named = part.kind === "speed_limit" ? [] : [html("label", { class: "line" }, html("span", {}, "Name"), html("input", { "data-part": `${n} name`, value: part.name, autocomplete: "off", oninput: (event) => { part.name = event.target.value; changed(); draw(); } }))];
    const order = kind.ordered ? [typed("source", "Who ordered it", "sign 245, order 2022/3"), html("div", { class: "figures" }, typed("valid_from", "From", "2026-01-01"), typed("valid_until", "Until", "2030-01-01"))] : [];
    return html("section", { class: `part k-${part.kind}`, id: `part-${n}`, "aria-label": `${kind.words} ${part.name}` },
      html("h3", {}, kind.words, html("button", { class: "drop", "aria-label": `Remove ${kind.words} ${part.name}`, onclick: () => { draft.parts.splice(n, 1); aim({ sort: "none" }); listParts(); changed(); draw(); } }, "Remove")),
      ...named, ...drawn, ...kind.typed.map((one) => typed(one.key, one.words, one.example, one.choices)), ...order, html("p", { class: "sin", role: "status" }), html("p", { class: "help" }));
  }));
  aim(target);
}

function typedCorners(part, key, words) {
  const corners = words.split(";").map((pair) => pair.trim().split(/[\s,]+/).map(Number)).filter((pair) => pair.length === 2 && pair.every(Number.isFinite));
  part.drawn[key] = corners.map((m) => ({ m }));
  changed();
}

function fill(refusal = "") {
  for (const [n, one] of sheet.points.entries()) {
    const row = byId(`off-${n}`);
    if (!row) continue;
    row.lastChild.textContent = one.words;
    row.className = one.doubtful ? "off bad" : "off";
  }
  byId("fit").textContent = sheet.fit;
  byId("scale").textContent = sheet.map ? `Along runs to the right, across runs down; figures are metres. The ellipses hold the true place in 95 of 100 cases${sheet.enlarged > 1 ? `, and are drawn ${sheet.enlarged} times as large as they are` : ""}.` : "";
  draft.parts.forEach((part, n) => {
    const card = byId(`part-${n}`), one = sheet.parts[n];
    if (!card || !one) return;
    const sins = sheet.problems.filter((problem) => problem.at === `part ${n}`).map((problem) => problem.words);
    card.querySelector(".sin").textContent = sins.join(" ");
    card.querySelector(".sin + .help").textContent = one.words;
    card.classList.toggle("bad", sins.length > 0);
    for (const [key, metres] of Object.entries(one.m)) {
      const field = card.querySelector(`[data-corners="${n} ${key}"]`);
      if (field && document.activeElement !== field) field.value = metres.map((pair) => pair.map((m) => m.toFixed(2)).join(" ")).join("; ");
    }
  });
  for (const field of document.querySelectorAll("[data-key]")) {
    const wrong = sheet.problems.some((one) => one.at === `field ${field.dataset.key}`);
    field.classList.toggle("wrong", wrong && field.value !== "");
    field.setAttribute("aria-invalid", String(wrong));
  }
  byId("rules").replaceChildren(...sheet.rules.map((one) => html("li", { class: one.works ? "works" : "" }, html("span", { class: "what" }, one.rule), html("span", { class: "why" }, one.works ? "" : "not yet: ", one.words))));
  if (!sheet.rules.length) byId("rules").replaceChildren(html("li", {}, html("span", { class: "what" }, "nothing yet"), html("span", { class: "why" }, "measure the road first")));
  const todo = sheet.problems.map((one) => html("li", {}, one.words));
  const words = refusal ? [html("p", { class: "sin", role: "alert" }, refusal)] : saved ? [html("p", { class: "ok", role: "status" }, saved)] : [];
  byId("problems").replaceChildren(...words, ...(todo.length ? [html("p", { class: "help" }, "Still to do:"), html("ul", {}, ...todo)] : []));
  if (!refusal) state(saved && sheet.ready ? "saved" : sheet.ready ? "ready to save" : `${sheet.problems.length} to do`, sheet.ready ? "ok" : "");
  if (refusal) state("not saved", "bad");
  saved = saved && refusal ? "" : saved;
}

function by(value) {
  draft.by = value;
  byId("rectangle").hidden = value !== "rectangle";
  byId("by-help").textContent = HELP[value];
  for (const radio of document.querySelectorAll("[name=by]")) radio.checked = radio.value === value;
  listPoints();
  aim({ sort: "point" });
}

// Beginning

async function begin() {
  const begun = await (await fetch("/begun.json")).json();
  kinds = begun.kinds;
  Object.assign(draft, begun.draft);
  for (const part of draft.parts) for (const corners of Object.values(part.drawn)) for (const corner of corners) for (const key of Object.keys(corner)) if (corner[key] === null) delete corner[key];
  still.append(svg("image", { href: "/still.jpg", width: WIDTH, height: HEIGHT }));
  loupe.append(svg("image", { href: "/still.jpg", width: WIDTH, height: HEIGHT }), svg("path", { class: "fitted", d: "" }));
  byId("kind").replaceChildren(...Object.entries(kinds).map(([key, kind]) => html("option", { value: key }, kind.words)));
  for (const field of document.querySelectorAll("[data-key]")) {
    field.value = draft.typed[field.dataset.key] ?? "";
    field.addEventListener("input", () => { draft.typed[field.dataset.key] = field.value; saved = ""; changed(); });
  }
  for (const radio of document.querySelectorAll("[name=by]")) radio.addEventListener("change", () => { by(radio.value); changed(); draw(); });
  byId("add-point").dataset.aim = "point";
  byId("add-point").addEventListener("click", () => aim({ sort: "point" }));
  byId("add-part").addEventListener("click", () => {
    const kind = byId("kind").value, before = draft.parts.filter((part) => part.kind === kind).length;
    draft.parts.push({ kind, name: kind === "speed_limit" ? "measured stretch" : `${kinds[kind].words.toLowerCase().split(",")[0]} ${before + 1}`, drawn: {}, typed: { valid_from: draft.typed["surveyed.valid_from"], valid_until: draft.typed["surveyed.valid_until"] } });
    target = { sort: "part", n: draft.parts.length - 1, key: kinds[kind].drawn[0].key };
    listParts();
    changed();
    still.focus({ preventScroll: true });
  });
  for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => {
    const box = still.viewBox.baseVal, middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    zoom(still, { in: 1.6, out: 1 / 1.6, fit: 1e-6 }[button.dataset.zoom], middle);
  });
  for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", () => {
    shown[button.dataset.show] = !shown[button.dataset.show];
    button.setAttribute("aria-pressed", String(shown[button.dataset.show]));
    draw();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") aim({ sort: "none" }); });
  addEventListener("resize", () => draw());
  byId("save").addEventListener("click", save);
  by(draft.by);
  listParts();
  draw();
  await ask();
}

begin();
