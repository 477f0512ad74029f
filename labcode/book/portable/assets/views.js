// Views to try out, beside the figures that stay in the page; the pages of both engines load this.
// Each finds its data and texts in the page (labcode/lab/views.py) and is hidden until it is drawn.
"use strict";
{
  const BEST = 8; // lines in the accent colour, as in the figures

  const withAll = (element, attributes, children) => {
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  };
  const make = (name, attributes = {}, ...children) => withAll(document.createElement(name), attributes, children);
  const shape = (name, attributes = {}, ...children) =>
    withAll(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
  const place = (x, y) => `left:${(100 * x).toFixed(2)}%;top:${(100 * y).toFixed(2)}%`;

  /** Radio buttons; `hear` is called with the place of the one that is chosen. */
  let groups = 0;
  function choice(legend, texts, hear) {
    const name = `view-choice-${++groups}`;
    const options = texts.map((text, i) => {
      const input = make("input", { type: "radio", name, onchange: () => hear(i) });
      input.checked = i === 0;
      return make("label", {}, input, ` ${text}`);
    });
    return make("fieldset", {}, make("legend", {}, legend), ...options);
  }

  /** A slider with its name and what it stands at; `hear` is called when it is moved. */
  function slider(name, hear) {
    const input = make("input", { type: "range", min: 0, step: 1, oninput: () => hear() });
    const title = make("span", {}, name), told = make("output");
    const set = (value, most, text) => {
      input.max = most;
      input.value = value;
      input.disabled = most < 0;
      input.setAttribute("aria-valuetext", text);
      told.textContent = text;
    };
    return { input, title, set, box: make("label", { class: "view-slider" }, title, input, told) };
  }

  /** Parallel coordinates: an axis for each setting and one for the rank, to the right, or downwards on a phone. */
  function space(box, search) {
    const lines = shape("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
    const field = make("div", { class: "view-field", onpointermove: follow, onpointerdown: follow }, lines);
    const told = make("p"), status = make("div", { "aria-live": "polite" });
    const count = make("p", { class: "view-count" });
    const reset = make("button", { type: "button", onclick: () => { kept.clear(); update(true); } }, "Keep all again");
    const ranks = slider("Candidate", () => { active = left[ranks.input.value]; update(); });
    const kept = new Map();
    let left = [], active = 0, upright, points = [], pressed = [];

    const has = (candidate) => [...kept].every(([axis, levels]) => levels.has(candidate.at[axis]));

    /** The share of an axis's length at which a candidate's line crosses it: lines of one level lie by their rank. */
    function share(candidate, rank, axis) {
      const behind = rank / Math.max(1, search.candidates.length - 1);
      if (axis === search.axes.length) return 1 - behind;
      return spot(axis, candidate.at[axis]) + 0.05 * (0.5 - behind);
    }
    const spot = (axis, level) => level / Math.max(1, search.axes[axis].levels.length - 1);
    const along = (axis) => axis / search.axes.length;
    const at = (axis, height) => upright ? [along(axis), 1 - height] : [height, along(axis)];

    /** Lay out axes, levels and lines; again when the box turns from wide to narrow. */
    function lay() {
      field.replaceChildren(lines);
      field.classList.toggle("upright", upright);
      field.style.setProperty("--axes", search.axes.length + 1);
      pressed = [];
      const axes = [...search.axes, { name: "rank", levels: [] }].map((axis, i) => {
        const [x, y] = upright ? [along(i), 0] : [0, along(i)];
        const name = make("span", { class: "view-axis", style: place(x, y) }, axis.name);
        const buttons = axis.levels.map((level, k) => levelButton(axis, i, level, k));
        return make("div", { role: "group", "aria-label": axis.name }, name, ...buttons);
      });
      for (const [text, height] of [["worst", 0], ["best", 1]]) {
        axes.at(-1).append(make("span", { class: "view-end", style: place(...at(search.axes.length, height)) }, text));
      }
      field.append(...axes);
      const rules = [...search.axes, {}].map((_, i) => shape("path", {
        class: "view-rule", d: `M${at(i, 0)}L${at(i, 1)}`,
      }));
      points = search.candidates.map((candidate, rank) =>
        [...search.axes, {}].map((_, i) => at(i, share(candidate, rank, i))));
      lines.replaceChildren(...rules, ...points.map((each) => shape("polyline", { points: each.join(" ") })));
      update(true);
    }

    function levelButton(axis, i, level, k) {
      const press = () => {
        const levels = kept.get(i) ?? new Set();
        if (!levels.delete(k)) levels.add(k);
        if (levels.size) kept.set(i, levels);
        else kept.delete(i);
        update(true);
      };
      const name = `${axis.name}: ${level}`;
      const attributes = { type: "button", "aria-label": name, style: place(...at(i, spot(i, k))), onclick: press };
      const button = make("button", attributes, level);
      pressed.push([button, i, k]);
      return button;
    }

    /** Show what is kept and which candidate is told; after a change of what is kept, the best one. */
    function update(anew = false) {
      left = [...search.candidates.keys()].filter((i) => has(search.candidates[i]));
      if (anew) active = left[0];
      const all = [...lines.querySelectorAll("polyline")];
      all.forEach((line, i) => {
        const kind = i === active ? "told" : !left.includes(i) ? "out" : i < BEST ? "best" : "";
        line.setAttribute("class", kind);
      });
      for (const [button, axis, level] of pressed) {
        button.setAttribute("aria-pressed", kept.get(axis)?.has(level) ?? false);
        button.classList.toggle("on", search.candidates[active]?.at[axis] === level);
      }
      const best = left.length ? `, best rank ${left[0] + 1}` : "";
      count.textContent = `${left.length} of ${search.candidates.length} candidates${best}.`;
      told.textContent = left.length ? `Rank ${active + 1}: ${search.candidates[active].words}.` : "";
      ranks.set(left.indexOf(active), left.length - 1, left.length ? `rank ${active + 1}` : "none");
    }

    /** The kept line nearest to the pointer, between the two axes that it is between. */
    function follow(event) {
      if (event.target.closest("button") || !left.length) return;
      const { left: x0, top: y0, width, height } = lines.getBoundingClientRect();
      const [x, y] = [(event.clientX - x0) / width, (event.clientY - y0) / height];
      const [main, across] = upright ? [x, y] : [y, x];
      const last = search.axes.length - 1;
      const first = Math.min(last, Math.max(0, Math.floor(main * search.axes.length)));
      const part = main * search.axes.length - first;
      const side = upright ? 1 : 0;
      const distance = (i) => {
        const [from, to] = [points[i][first][side], points[i][first + 1][side]];
        return Math.abs(from + part * (to - from) - across);
      };
      const nearest = left.reduce((a, b) => distance(b) < distance(a) ? b : a);
      if (nearest !== active) { active = nearest; update(); }
    }

    status.append(count, told);
    box.append(field, make("div", { class: "view-row" }, ranks.box, reset), status);
    return (width) => {
      const before = upright;
      upright = width > 560;
      if (before !== upright) lay();
    };
  }

  /** Marks of the failures, around the point (0, 0), by the place of their class. */
  const MARKS = [
    "M-5,0a5,5 0 1 0 10,0a5,5 0 1 0 -10,0", "", "M0,-6L5.5,4.5H-5.5Z", "M-4.5,-4.5H4.5V4.5H-4.5Z",
    "M-4,-4L4,4M4,-4L-4,4", "M0,-6L6,0L0,6L-6,0Z",
  ];
  const FRAME = { left: 46, right: 10, top: 8, bottom: 42 };

  /** The network's classes over a plane; the slider moves the plane along the input that is held still. */
  function borders(box, { classes, planes }) {
    const picture = shape("svg", { role: "img" });
    const status = make("p", { "aria-live": "polite" }), legend = make("p", { class: "view-legend" });
    const held = slider("", () => { level = Number(held.input.value); draw(); });
    const qualities = Object.keys(planes[0].slices);
    let plane = planes[0], quality = qualities[0], level = 0, width = 0;

    function choose(number) {
      plane = planes[number];
      const near = plane.slices[quality].map(({ failed }) => failed.length);
      level = near.indexOf(Math.max(...near));
      draw();
    }

    /** Functions from values to pixels, and the size of a cell. */
    function scales(height) {
      const scale = (values, from, to) => {
        const step = values.at(-1) > values[0] ? (values.at(-1) - values[0]) / (values.length - 1) : 1;
        const low = values[0] - step / 2, unit = (to - from) / (values.at(-1) + step / 2 - low);
        return Object.assign((value) => from + (value - low) * unit, { size: Math.abs(step * unit), values });
      };
      const { left, right, top, bottom } = FRAME;
      return [scale(plane.x.values, left, width - right), scale(plane.y.values, height - bottom, top)];
    }

    /** A path for each class, of rectangles that are runs of cells. */
    function cells(text, x, y) {
      const paths = {}, columns = x.values.length;
      const edges = (scale, sign) => [...scale.values, scale.values.at(-1)].map((value, i) =>
        Math.round(scale(value) + (i < scale.values.length ? -sign : sign) * scale.size / 2));
      const [across, up] = [edges(x, 1), edges(y, -1)];
      let cell = 0;
      for (const [, letter, length] of text.matchAll(/([a-z])(\d+)/g)) {
        for (let rest = Number(length); rest > 0;) {
          const column = cell % columns, run = Math.min(rest, columns - column);
          const row = Math.floor(cell / columns);
          paths[letter] ??= "";
          paths[letter] += `M${across[column]},${up[row]}V${up[row + 1]}H${across[column + run]}V${up[row]}z`;
          cell += run;
          rest -= run;
        }
      }
      return Object.entries(paths).map(([letter, d]) => [letter.charCodeAt(0) - 97, d]);
    }

    function ticks(scale) {
      const [low, high] = [scale.values[0], scale.values.at(-1)];
      const step = [5, 10, 20, 50, 100, 200, 500, 1000].find((each) => (high - low) / each <= 6) ?? 2000;
      const first = Math.ceil(low / step);
      return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
    }

    function axes(x, y, height) {
      const base = height - FRAME.bottom, text = (attributes, words) => shape("text", attributes, words);
      const middle = (FRAME.top + base) / 2;
      return [
        ...ticks(x).map((tick) => text({ x: x(tick), y: base + 16, "text-anchor": "middle" }, `${tick}`)),
        ...ticks(y).map((tick) => text({ x: FRAME.left - 6, y: y(tick) + 4, "text-anchor": "end" }, `${tick}`)),
        text({ x: (FRAME.left + width - FRAME.right) / 2, y: height - 6, "text-anchor": "middle" }, plane.x.name),
        text({ transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" }, plane.y.name),
      ];
    }

    function draw() {
      if (!width) return;
      const height = Math.round(Math.min(380, 0.75 * width)), slice = plane.slices[quality][level];
      const [x, y] = scales(height), found = cells(slice.cells, x, y);
      const areas = found.map(([k, d]) => shape("path", { d, style: fill(k), class: "view-area" }));
      const rules = slice.rules.map((rule) => shape("polyline", {
        class: "view-border",
        points: (Array.isArray(rule) ? rule.map((value, i) => [x(x.values[i]), y(value)])
          : [[x(x.values[0]) - x.size, y(rule)], [x(x.values.at(-1)) + x.size, y(rule)]]).join(" "),
      }));
      const marks = slice.failed.map(([k, across, up]) => mark(k, `translate(${x(across)} ${y(up)})`));
      const frame = { x: FRAME.left, y: FRAME.top, width: width - FRAME.left - FRAME.right };
      const clip = { ...frame, height: height - FRAME.top - FRAME.bottom };
      const view = `${clip.x} ${clip.y} ${clip.width} ${clip.height}`;
      withAll(picture, { width, height, viewBox: `0 0 ${width} ${height}` }, []);
      const inside = shape("svg", { ...clip, viewBox: view }, ...areas, ...rules, ...marks);
      picture.replaceChildren(inside, ...axes(x, y, height));
      const { name, levels } = plane.held;
      held.title.textContent = name[0].toUpperCase() + name.slice(1);
      held.set(level, levels.length - 1, levels[level]);
      picture.setAttribute("aria-label", `Classes over ${plane.x.name} and ${plane.y.name}, ${name} ${levels[level]}`);
      status.textContent = `${held.title.textContent} ${levels[level]}, quality ${quality}. ${slice.words}`;
      explain(found.map(([k]) => k), slice.failed.map(([k]) => k));
    }

    const fill = (k) => `fill:var(--class-${k})`;
    const mark = (k, transform) => shape("path", { d: MARKS[k], transform, class: "view-mark", style: fill(k) });
    const key = (inside) => shape("svg", { viewBox: "-8 -8 16 16", class: "view-key", "aria-hidden": "true" }, inside);

    /** What the colours and marks in the picture mean. */
    function explain(areas, marks) {
      const entry = (picture, text) => make("span", {}, picture, ` ${text}`);
      const square = (k) => key(shape("path", { d: "M-8,-8H8V8H-8Z", style: fill(k), class: "view-area" }));
      const line = key(shape("path", { d: "M-8,0H8", class: "view-border" }));
      const shown = [...new Set(marks)].sort((a, b) => a - b);
      legend.replaceChildren(
        ...areas.sort((a, b) => a - b).map((k) => entry(square(k), k === 1 ? "no failure" : classes[k])),
        entry(line, "published rule"), ...shown.map((k) => entry(key(mark(k, "")), `failed: ${classes[k]}`)),
      );
    }

    const names = planes.map(({ x, y }) => `${y.name.split(" (")[0]} over ${x.name.split(" (")[0]}`);
    box.append(
      make("div", { class: "view-row" }, choice("Plane", names, choose),
        choice("Quality", qualities, (i) => { quality = qualities[i]; draw(); })),
      held.box, picture, legend, status,
    );
    return (now) => {
      const first = !width;
      width = Math.floor(now);
      if (first) choose(0);
      else draw();
    };
  }

  const KINDS = { space, borders };
  for (const view of document.querySelectorAll(".view")) {
    const body = make("div"), data = JSON.parse(view.querySelector("script").textContent);
    const resize = KINDS[view.dataset.view](body, data);
    view.append(body);
    view.hidden = false;
    new ResizeObserver(([{ contentRect }]) => resize(contentRect.width)).observe(body);
  }
}
