"use strict";
// What a page can do beside being read: name what is pointed at in a figure, show a head's attention maps, sort tables, give
// a figure's SVG away. The data are JSON in the page (interp/report/interactive.py); texts are never read as markup.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const WHOLE = 10000, NEAR = 14;  // parts of a figure's side; CSS pixels around a point
  const HEAD = /^L\d+-H\d+$/;

  const read = (id) => {
    const element = document.getElementById(id);
    return element && JSON.parse(element.textContent);
  };
  const make = (tag, given = {}, ...inside) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  };
  const draw = (tag, given = {}, ...inside) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  };

  // ---- tables that sort
  const number = (text) => {
    // `1,294`, `−0.10`, `8 %`, `10 [9, 11]`, `[0.49, 0.63]`; no date and no name.
    const match = text.replaceAll("−", "-").match(/^\[?([+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)(?: %)?(?:[ ,].*)?$/i);
    return match ? Number(match[1].replaceAll(",", "")) : NaN;
  };
  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    if (body.rows.length < 2) return;
    const given = [...body.rows];
    heads.forEach((cell, place) => {
      const button = make("button", { type: "button", class: "sort", title: "sort by this column" }, ...cell.childNodes);
      cell.append(button);
      button.addEventListener("click", () => {
        const was = cell.getAttribute("aria-sort");
        for (const other of heads) other.removeAttribute("aria-sort");
        const next = was === null ? "ascending" : was === "ascending" ? "descending" : null;
        if (next === null) return body.append(...given);
        cell.setAttribute("aria-sort", next);
        const sign = next === "ascending" ? 1 : -1;
        const keyed = given.map((row) => [row, row.cells[place].textContent.trim()]).map(([row, text]) => [row, text, number(text)]);
        const told = keyed.filter(([, text]) => text !== "" && text !== "—");
        const numeric = told.length > 0 && told.every(([, , value]) => !Number.isNaN(value));
        const order = (a, b) => numeric ? a[2] - b[2] : a[1].localeCompare(b[1], undefined, { numeric: true });
        told.sort((a, b) => sign * order(a, b));
        // What has no value comes last, whichever way round.
        body.append(...told.map(([row]) => row), ...keyed.filter((entry) => !told.includes(entry)).map(([row]) => row));
      });
    });
  };
  document.querySelectorAll("table:has(thead)").forEach(sortable);

  // ---- what is pointed at
  const tip = make("div", { class: "tip", role: "status", hidden: "" });
  document.body.append(tip);
  const rows = (groups) => groups.flatMap(({ names, columns, places }) => {
    const word = (column, row) => Array.isArray(column) ? column[row] : column.words[column.rows[row]];
    return places.map((place, row) => ({ place, told: names.map((name, at) => [name, word(columns[at], row)]).filter(([, text]) => text) }));
  });
  const headOf = (spot) => {
    const head = spot.told.find(([name, text]) => name === "head" && HEAD.test(text));
    return head && maps && maps.has(head[1]) ? head[1] : null;
  };
  const say = (spot, box, hint) => {
    tip.replaceChildren(make("dl", {}, ...spot.told.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)])));
    if (hint) tip.append(make("p", {}, hint));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const left = Math.min(Math.max(box.left + box.width / 2 - width / 2, 4), room - width - 4);
    const above = box.top - height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 4 ? above : box.bottom + 8}px`;
  };

  // `spots` lie in parts of the picture; `chosen` is called with the spot that was clicked.
  const pointable = (svg, spots, chosen, frame) => {
    const view = svg.viewBox.baseVal;
    const mark = draw("rect", { class: "spot", visibility: "hidden" });
    svg.append(mark);
    let shown = null;
    const inPixels = (spot) => {
      const { left, top, width, height } = svg.getBoundingClientRect();
      const [a, b, c = a, d = b] = spot.place;
      return new DOMRect(left + (a * width) / WHOLE, top + (b * height) / WHOLE, ((c - a) * width) / WHOLE, ((d - b) * height) / WHOLE);
    };
    const find = (x, y) => {
      const { left, top, width, height } = svg.getBoundingClientRect();
      const across = ((x - left) * WHOLE) / width, down = ((y - top) * WHOLE) / height;
      let best = null, nearest = NEAR;
      for (const spot of spots) {
        const [a, b, c, d] = spot.place;
        if (c === undefined) {
          const far = Math.hypot(((a - across) * width) / WHOLE, ((b - down) * height) / WHOLE);
          if (far < nearest) [best, nearest] = [spot, far];
        } else if (a <= across && across < c && b <= down && down < d) return spot;
      }
      return best;
    };
    const show = (spot) => {
      shown = spot;
      mark.setAttribute("visibility", spot ? "visible" : "hidden");
      svg.classList.toggle("opens", Boolean(spot && chosen && headOf(spot)));
      if (!spot) return void (tip.hidden = true);
      const [a, b, c, d] = spot.place, round = c === undefined, size = round ? 0.012 * Math.max(view.width, view.height) : 0;
      const at = [(a * view.width) / WHOLE - size, (b * view.height) / WHOLE - size];
      const sides = round ? [2 * size, 2 * size] : [((c - a) * view.width) / WHOLE, ((d - b) * view.height) / WHOLE];
      for (const [name, value] of [["x", at[0]], ["y", at[1]], ["width", sides[0]], ["height", sides[1]], ["rx", round ? size : 0]]) {
        mark.setAttribute(name, value.toFixed(2));
      }
      say(spot, inPixels(spot), chosen && headOf(spot) ? "click: its attention map" : "");
    };
    svg.addEventListener("pointermove", (event) => show(find(event.clientX, event.clientY)));
    svg.addEventListener("pointerleave", () => show(null));
    svg.addEventListener("click", (event) => {
      const spot = find(event.clientX, event.clientY);
      show(spot);
      if (spot && chosen) chosen(spot);
    });
    // With the keyboard: arrows go from place to place, Enter opens.
    frame.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step && frame.scrollWidth <= frame.clientWidth) {
        event.preventDefault();
        show(spots[((shown ? spots.indexOf(shown) : step > 0 ? -1 : 0) + step + spots.length) % spots.length]);
      } else if (event.key === "Enter" && shown && chosen) chosen(shown);
      else if (event.key === "Escape") show(null);
    });
    frame.addEventListener("blur", () => show(null));
  };

  // ---- a head's attention maps
  const attention = read("attention");
  const maps = attention && (() => {
    const { heads: names, prompts, levels } = attention;
    const dialog = make("dialog", { class: "map", "aria-label": "Attention maps" });
    const close = make("button", { type: "button" }, "close");
    const head = make("select", { "aria-label": "head" }, ...names.map((name) => make("option", {}, name)));
    const prompt = make("select", { "aria-label": "prompt" }, ...prompts.map((example, at) => make("option", { value: at }, example.prompt)));
    const place = make("div", { class: "wide", tabindex: "0" });
    const note = make("p", { class: "note" });
    dialog.append(make("form", {}, head, ...(prompts.length > 1 ? [prompt] : []), close), place, note);
    document.body.append(dialog);
    const colour = (weight) => `rgb(${[[255, 8], [255, 48], [255, 107]].map(([from, to]) => Math.round(from + (to - from) * weight)).join()})`;
    const picture = () => {
      const example = prompts[prompt.value || 0], size = example.positions.length, bytes = atob(example.weights);
      note.textContent = `Up: queries; across: keys; the darker, the larger the weight; framed: key to query. ${example.note}`;
      const labels = example.positions.map((position, at) => `${position} ${example.tokens[at].trim()}`);
      const longest = Math.min(Math.max(...labels.map((label) => label.length)), 16), cell = 22, side = 10 + 7 * longest;
      const first = (names.indexOf(head.value) * size * (size + 1)) / 2, width = side + size * cell + 2, height = size * cell + side + 2;
      const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Attention map of ${head.value}` });
      svg.style.width = `${width}px`;
      const spots = [], frames = [];
      labels.forEach((label, at) => {
        const text = label.length > 16 ? `${label.slice(0, 15)}…` : label;
        const up = 1 + (size - 1 - at) * cell, across = side + at * cell, down = 1 + size * cell;
        const look = example.positions[at] === example.key ? "key" : example.positions[at] === example.query ? "query" : "";
        svg.append(draw("text", { x: side - 5, y: up + cell / 2 + 4, "text-anchor": "end", class: look }, text));
        const turned = `translate(${across + cell / 2 + 4} ${down + 6}) rotate(-90)`;
        svg.append(draw("text", { transform: turned, "text-anchor": "end", class: look }, text));
        for (let key = 0; key <= at; key += 1) {
          const level = bytes.charCodeAt(first + (at * (at + 1)) / 2 + key), absent = level > levels;
          const x = side + key * cell, fill = absent ? "#ddd" : colour(level / levels);
          const framed = example.positions[key] === example.key && example.positions[at] === example.query;
          svg.append(draw("rect", { x, y: up, width: cell, height: cell, fill }));
          if (framed) frames.push({ x, y: up });
          const told = [["head", head.value], ["query", labels[at]], ["key", labels[key]], ["weight", absent ? "no such edge (window)" : (level / levels).toFixed(2)]];
          spots.push({ place: [x / width, up / height, (x + cell) / width, (up + cell) / height].map((part) => part * WHOLE), told });
        }
      });
      // Last, so that no other cell lies over it.
      svg.append(...frames.map((at) => draw("rect", { ...at, width: cell, height: cell, class: "framed" })));
      place.replaceChildren(svg);
      pointable(svg, spots, null, place);
    };
    head.addEventListener("change", picture);
    prompt.addEventListener("change", picture);
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => document.body.append(tip));
    return {
      has: (name) => names.includes(name),
      open: (name) => {
        head.value = name;
        if (!dialog.open) dialog.showModal();
        dialog.append(tip);  // what a dialog covers cannot be seen
        tip.hidden = true;
        picture();
      },
      first: names[0],
    };
  })();
  if (maps) {
    const button = make("button", { type: "button", class: "look" }, "Look at the attention map of any head");
    button.addEventListener("click", () => maps.open(maps.first));
    document.querySelector("#maps")?.append(button);
    for (const span of document.querySelectorAll("main .nb")) if (maps.has(span.textContent)) span.classList.add("head");
    document.querySelector("main").addEventListener("click", (event) => {
      if (event.target.matches(".nb.head")) maps.open(event.target.textContent);
    });
  }

  // ---- figures
  const spots = read("spots") || {};
  for (const figure of document.querySelectorAll("figure[data-stem]")) {
    const svg = figure.querySelector("svg"), stem = figure.dataset.stem, frame = figure.querySelector(".wide");
    const clean = svg.cloneNode(true);
    if (spots[stem]) pointable(svg, rows(spots[stem]), (spot) => headOf(spot) && maps.open(headOf(spot)), frame);
    figure.querySelector("a[data-get=svg]").addEventListener("click", (event) => {
      event.preventDefault();
      const { width, height } = clean.viewBox.baseVal;
      clean.setAttribute("width", `${width}pt`);
      clean.setAttribute("height", `${height}pt`);
      const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(clean)], { type: "image/svg+xml" }));
      const link = make("a", { href: url, download: `${stem}.svg` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
    });
  }
  document.documentElement.classList.add("lively");
})();
