// Draws the pictures of report pages (templates/reports/picture.html) with ECharts, from the rows that the page lays
// beside them (desk/reports/pictures.py). A picture says nothing that its table does not: without this file the page
// is whole. Colours are the page's own, so day and night follow its switch.
(() => {
  "use strict";
  const NARROW = 520; // pixels: from here down names stand above the plot, or are fewer
  const language = document.documentElement.lang || "id";
  const whole = new Intl.NumberFormat(language);
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  // -- Colours

  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  // Any colour that CSS knows as [red, green, blue]: what ECharts reads are older spellings.
  function channels(colour) {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }

  const written = (parts) => `rgb(${parts.map(Math.round).join(", ")})`;
  const between = (one, other, share) => written(one.map((part, place) => part + (other[place] - part) * share));

  function coloursOf(figure) {
    const style = getComputedStyle(figure);
    const named = (name) => written(channels(style.getPropertyValue(name)));
    return {
      surface: named("--lc-surface"), line: named("--lc-line"), text: named("--lc-text"), strong: named("--lc-strong"),
      quiet: named("--lc-quiet"), main: named("--lc-picture-main"), low: named("--lc-picture-low"),
      high: named("--lc-picture-high"), gap: named("--lc-picture-gap"), font: style.fontFamily,
      tone: (paint) => toneOf(figure, paint || {}),
    };
  }

  // The colour of a label: its family's, and which of the shades between the family's ground and its edge. What is no
  // label has the page's own: "main" or "low".
  function toneOf(figure, { tone = "lc-family-neutral", shade = 0, own = "" }) {
    if (own) {
      const colour = channels(getComputedStyle(figure).getPropertyValue(`--lc-picture-${own}`));
      return { fill: written(colour), edge: written(channels(getComputedStyle(figure).getPropertyValue("--lc-picture-main"))) };
    }
    const probe = document.createElement("i");
    probe.className = tone;
    probe.hidden = true;
    figure.append(probe);
    const style = getComputedStyle(probe);
    const [ground, edge] = ["--lc-ground", "--lc-edge"].map((name) => channels(style.getPropertyValue(name)));
    probe.remove();
    return { fill: between(ground, edge, shade), edge: written(edge) };
  }

  // -- What all pictures share

  function frame(colours, { narrow, top = 34 }) {
    return {
      animation: false, backgroundColor: "transparent",
      textStyle: { fontFamily: colours.font, color: colours.text, fontSize: 12 },
      grid: { left: 4, right: 22, top, bottom: 4, containLabel: true },
      legend: {
        type: "scroll", top: 0, left: 0, itemWidth: 12, itemHeight: 12, itemGap: narrow ? 10 : 16, icon: "roundRect",
        textStyle: { color: colours.text, fontSize: 12 }, pageTextStyle: { color: colours.text },
        pageIconColor: colours.text, pageIconInactiveColor: colours.line, inactiveColor: colours.line,
      },
      tooltip: {
        renderMode: "richText", confine: true, backgroundColor: colours.surface, borderColor: colours.line,
        textStyle: { color: colours.strong, fontSize: 12, fontFamily: colours.font },
      },
    };
  }

  const nameAxis = (colours, names, more) => ({
    type: "category", data: names, axisTick: { show: false }, axisLine: { lineStyle: { color: colours.line } },
    axisLabel: { color: colours.text, hideOverlap: true }, ...more,
  });

  const numberAxis = (colours, write, more) => ({
    type: "value", minInterval: 1, splitNumber: 4, splitLine: { lineStyle: { color: colours.line } },
    axisLabel: { color: colours.quiet, formatter: write, hideOverlap: true }, ...more,
  });

  const length = (value) => whole.format(Math.abs(value)); // what goes away is drawn below the line, and is no minus
  const units = {
    number: (value) => whole.format(value),
    share: (value) => percent.format(value),
    days: (value) => new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value),
  };

  // -- Kinds of pictures: each makes of its rows what ECharts draws

  function gapsOf(rows, colours) {
    if (!rows.gaps || !rows.gaps.length) return {};
    return {
      markArea: {
        silent: true, itemStyle: { color: colours.gap, opacity: 0.22 },
        label: { show: false }, data: rows.gaps.map((gap) => [{ xAxis: gap.from }, { xAxis: gap.to }]),
      },
    };
  }

  // Nothing has no edge either.
  const bare = (value) => value || { value: 0, itemStyle: { borderWidth: 0 } };

  // Bars on one another, upright by day or lying by name; a line over them where the rows have one.
  function stack(rows, colours, { narrow }) {
    const names = nameAxis(colours, rows.names, rows.across ? { inverse: true, axisLabel: {
      color: colours.strong, width: narrow ? 92 : 170, overflow: "truncate",
    } } : {});
    const write = rows.unit ? units[rows.unit] : length;
    const numbers = numberAxis(colours, write, rows.unit ? { minInterval: 0 } : {});
    const series = rows.series.map((one, place) => {
      const paint = colours.tone(one.paint);
      return {
        name: one.name, type: "bar", stack: rows.beside ? one.name : "all", data: one.values.map(bare), barMaxWidth: rows.across ? 26 : 34,
        barCategoryGap: "24%", tooltip: { valueFormatter: write }, cursor: one.links ? "pointer" : "default",
        itemStyle: { color: paint.fill, borderColor: paint.edge, borderWidth: 0.5 },
        emphasis: { itemStyle: { color: paint.edge } }, ...(place ? {} : gapsOf(rows, colours)),
      };
    });
    if (rows.line) {
      series.push({
        name: rows.line.name, type: "line", data: rows.line.values, symbol: "circle", symbolSize: 5, z: 5,
        lineStyle: { color: colours.strong, width: 1.5 }, itemStyle: { color: colours.strong },
        tooltip: { valueFormatter: units.number },
      });
    }
    const option = frame(colours, { narrow });
    option.tooltip.trigger = "axis";
    if (rows.words) option.tooltip.formatter = (at) => rows.words[at[0].dataIndex];
    option.tooltip.axisPointer = { type: "shadow", shadowStyle: { color: colours.quiet, opacity: 0.1 } };
    return { ...option, xAxis: rows.across ? numbers : names, yAxis: rows.across ? names : numbers, series };
  }

  function lines(rows, colours, { narrow }) {
    const write = units[rows.unit || "number"];
    const option = frame(colours, { narrow });
    option.tooltip.trigger = "axis";
    const series = rows.series.map((one, place) => {
      const paint = one.paint ? colours.tone(one.paint) : { fill: colours.main, edge: colours.main };
      return {
        name: one.name, type: "line", data: one.values, symbol: "circle", symbolSize: 5, connectNulls: false,
        showSymbol: one.values.length < 40, lineStyle: { color: paint.edge, width: 2, type: one.dashed ? "dashed" : "solid" },
        itemStyle: { color: paint.edge }, areaStyle: rows.series.length === 1 ? { color: paint.fill, opacity: 0.16 } : undefined,
        tooltip: { valueFormatter: write }, ...(place ? {} : gapsOf(rows, colours)),
      };
    });
    return {
      ...option, series, legend: rows.series.length > 1 ? option.legend : undefined,
      grid: { ...option.grid, top: rows.series.length > 1 ? 34 : 12 },
      xAxis: nameAxis(colours, rows.names), yAxis: numberAxis(colours, write, { minInterval: rows.unit ? 0 : 1, scale: true }),
    };
  }

  // Cells whose ground tells how many: [column, row, number, words].
  function heat(rows, colours, { narrow }) {
    const option = frame(colours, { narrow, top: 4 });
    const written = rows.cells.length <= 120;
    return {
      ...option, legend: undefined,
      tooltip: { ...option.tooltip, formatter: (at) => rows.cells[at.dataIndex][3] },
      xAxis: nameAxis(colours, rows.columns, { position: "top", axisLine: { show: false } }),
      yAxis: nameAxis(colours, rows.rows, { inverse: true, axisLine: { show: false } }),
      visualMap: { show: false, min: 0, max: rows.most || 1, inRange: { color: [colours.low, colours.high] } },
      series: [{
        type: "heatmap", data: rows.cells.map((cell) => cell.slice(0, 3)), cursor: rows.links ? "pointer" : "default",
        itemStyle: { borderColor: colours.surface, borderWidth: 2, borderRadius: 4 },
        label: { show: written && !narrow, color: colours.strong, fontSize: 11, formatter: (at) => rows.cells[at.dataIndex][4] ?? "" },
        emphasis: { itemStyle: { borderColor: colours.strong, borderWidth: 1 } },
      }],
    };
  }

  // A dot per row, its whisker, and where all others stand.
  function dots(rows, colours, { narrow }) {
    const write = units[rows.unit || "share"];
    const option = frame(colours, { narrow, top: rows.reference ? 22 : 6 });
    if (rows.axis) option.grid.bottom = 20;
    const paint = (one) => (one.paint ? colours.tone(one.paint).edge : colours.main);
    const whisker = (_, api) => {
      const [from, to] = [1, 2].map((dimension) => api.coord([api.value(dimension), api.value(0)]));
      const one = rows.lines[api.value(0)];
      return {
        type: "line", shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] },
        style: { stroke: paint(one), lineWidth: 6, lineCap: "round", opacity: one.few ? 0.2 : 0.35 },
      };
    };
    const some = rows.lines.map((one, place) => ({ one, place })).filter(({ one }) => one.value !== null);
    const series = [
      { type: "custom", silent: true, renderItem: whisker, encode: { x: [1, 2], y: 0 },
        data: some.filter(({ one }) => one.low !== null).map(({ one, place }) => [place, one.low, one.high]) },
      { type: "scatter", symbolSize: 13, cursor: "pointer",
        data: some.map(({ one, place }) => ({
          value: [one.value, place], link: one.link,
          itemStyle: { color: one.few ? colours.quiet : paint(one), borderColor: colours.surface, borderWidth: 1.5 },
          label: { show: !narrow, position: "top", distance: 3, formatter: one.words, color: colours.strong, fontSize: 11 },
        })),
        markLine: rows.reference ? {
          silent: true, symbol: "none", lineStyle: { color: colours.strong, type: "dashed", width: 1 },
          label: { formatter: rows.reference.name, color: colours.strong, position: "start", fontSize: 11 },
          data: [{ xAxis: rows.reference.value }],
        } : undefined },
    ];
    if (rows.lines.some((one) => one.mark !== undefined && one.mark !== null)) {
      series.push({
        type: "scatter", symbol: "diamond", symbolSize: 11, silent: true,
        itemStyle: { color: "transparent", borderColor: colours.strong, borderWidth: 1.5 },
        data: rows.lines.map((one, place) => [one.mark, place]).filter(([mark]) => mark !== undefined && mark !== null),
      });
    }
    return {
      ...option, legend: undefined, series,
      tooltip: { ...option.tooltip, formatter: (at) => some[at.dataIndex] && some[at.dataIndex].one.more },
      xAxis: numberAxis(colours, write, {
        min: 0, minInterval: 0, name: rows.axis, nameLocation: "middle", nameGap: 24, nameTextStyle: { color: colours.quiet },
      }),
      yAxis: nameAxis(colours, rows.lines.map((one) => one.name), {
        inverse: true, axisLine: { show: false }, splitLine: { show: true, lineStyle: { color: colours.line } },
        axisLabel: { color: colours.strong, fontWeight: 600, width: narrow ? 84 : 150, overflow: "truncate" },
      }),
    };
  }

  // Two shares per row, the larger behind the smaller, both with the same beginning; and where all together stand.
  function pairs(rows, colours, { narrow }) {
    const option = frame(colours, { narrow });
    option.grid.right = narrow ? 22 : 104;
    option.legend.data = rows.names;
    const series = rows.names.map((name, place) => ({
      // Each on an axis of its own, so that a narrow bar stands in the middle of the wide one.
      name, type: "bar", yAxisIndex: place, barWidth: place ? 8 : 18, z: 2 + place, cursor: "pointer",
      itemStyle: { color: place ? colours.main : colours.low, borderColor: colours.main, borderWidth: place ? 0 : 1, borderRadius: [0, 3, 3, 0] },
      emphasis: { disabled: true },
      data: rows.lines.map((one) => ({ value: one.values[place], itemStyle: { opacity: one.few ? 0.45 : 1 } })),
      ...(place ? {
        markLine: rows.reference ? {
          silent: true, symbol: "none", lineStyle: { color: colours.strong, type: "dashed", width: 1 },
          label: { formatter: rows.reference.name, color: colours.strong, position: "start", fontSize: 11 },
          data: [{ xAxis: rows.reference.value }],
        } : undefined,
      } : { label: { show: !narrow, position: "right", color: colours.strong, fontSize: 11, formatter: (at) => rows.lines[at.dataIndex].words } }),
    }));
    const axis = nameAxis(colours, rows.lines.map((one) => one.name), {
      inverse: true, axisLine: { show: false }, axisLabel: { color: colours.strong, fontWeight: 600, width: narrow ? 84 : 150, overflow: "truncate" },
    });
    return {
      ...option, series, grid: { ...option.grid, top: rows.reference ? 48 : 30 },
      tooltip: { ...option.tooltip, trigger: "item", formatter: (at) => rows.lines[at.dataIndex].more },
      xAxis: numberAxis(colours, percent.format, { min: 0, max: 1, minInterval: 0, interval: 0.2 }),
      yAxis: [axis, { ...axis, show: false, position: "right" }],
    };
  }

  // A share per period with its whisker, and the line of all together.
  function shares(rows, colours, { narrow }) {
    const option = frame(colours, { narrow });
    const some = rows.lines.map((one, place) => ({ one, place })).filter(({ one }) => one.value !== null);
    const whisker = (_, api) => {
      const [from, to] = [1, 2].map((dimension) => api.coord([api.value(0), api.value(dimension)]));
      return { type: "line", shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] },
        style: { stroke: colours.main, lineWidth: 6, lineCap: "round", opacity: rows.lines[api.value(0)].few ? 0.18 : 0.32 } };
    };
    // Shading needs bars to know how wide a period is.
    const ground = { type: "bar", silent: true, data: rows.names.map(() => 0), tooltip: { show: false }, ...gapsOf(rows, colours) };
    const team = rows.team && {
      name: rows.team.name, type: "line", data: rows.team.values, symbol: "circle", symbolSize: 3, connectNulls: true, z: 1,
      lineStyle: { color: colours.strong, width: 1.5, type: "dashed" }, itemStyle: { color: colours.strong },
    };
    return {
      ...option, legend: undefined, grid: { ...option.grid, top: 12, right: rows.team ? 46 : 22 },
      tooltip: { ...option.tooltip, formatter: (at) => at.data?.more ?? (at.seriesType === "line" ? `${at.seriesName} ${percent.format(at.value)}` : "") },
      xAxis: nameAxis(colours, rows.names, {}),
      yAxis: numberAxis(colours, percent.format, { min: 0, minInterval: 0, max: (found) => (found.max > 0.8 ? 1 : null) }),
      series: [
        ground,
        { type: "custom", silent: true, renderItem: whisker, encode: { x: 0, y: [1, 2] },
          data: some.filter(({ one }) => one.low !== null).map(({ one, place }) => [place, one.low, one.high]) },
        ...(rows.levels || []).map((level) => ({
          name: level.words, type: "line", silent: true, z: 3, symbol: "circle", symbolSize: 1, showAllSymbol: true,
          lineStyle: { color: colours.strong, width: 1.5, type: "dashed" }, itemStyle: { color: colours.strong },
          data: rows.names.map((_, n) => (n < level.from || n > level.to ? null : {
            value: level.value,
            label: { show: n === level.to, formatter: level.words, position: "top", color: colours.strong, fontSize: 11, fontWeight: 600, backgroundColor: colours.surface, padding: [1, 3] },
          })),
        })),
        ...(team ? [{ ...team, endLabel: { show: true, formatter: rows.team.name, color: colours.strong, fontSize: 11 } }] : []),
        { type: "scatter", symbolSize: 12, cursor: "pointer", z: 4,
          data: some.map(({ one, place }) => ({
            value: [place, one.value], link: one.link, more: one.more,
            itemStyle: { color: one.few ? colours.quiet : one.paint ? colours.tone(one.paint).edge : colours.main, borderColor: colours.surface, borderWidth: 1.5 },
          })) },
      ],
    };
  }

  // Two times per row, each from what half of them need to what nine in ten do; each part of the scale is some times
  // the one before, as times are.
  function spans(rows, colours, { narrow }) {
    const option = frame(colours, { narrow });
    option.grid.right = 30;
    option.legend.data = rows.names;
    const log = Math.log10;
    const places = rows.ticks.map(([seconds]) => log(seconds));
    const all = rows.lines.flatMap((one) => one.spans.filter(Boolean).flatMap((span) => [span.value, span.high]));
    const low = Math.min(places[0], log(Math.max(1, Math.min(...all)))), high = Math.max(log(Math.max(60, ...all)), places[2]);
    const inks = [colours.main, colours.tone({ tone: "lc-family-green", shade: 1 }).edge];
    const draw = (place) => (_, api) => {
      const [from, to] = [1, 2].map((dimension) => api.coord([api.value(dimension), api.value(0)]));
      const y = from[1] + (place ? 7 : -7);
      const look = { stroke: inks[place], fill: inks[place] };
      return { type: "group", children: [
        { type: "line", shape: { x1: from[0], y1: y, x2: to[0], y2: y }, style: { ...look, lineWidth: 5, lineCap: "round", opacity: 0.35 } },
        { type: "circle", shape: { cx: from[0], cy: y, r: 5.5 }, style: look },
        { type: "circle", shape: { cx: to[0], cy: y, r: 3 }, style: { ...look, fill: colours.surface, lineWidth: 1.5 } },
      ] };
    };
    const found = (place) => rows.lines.map((one, row) => ({ row, span: one.spans[place] })).filter(({ span }) => span);
    const series = rows.names.map((name, place) => ({
      name, type: "custom", renderItem: draw(place), encode: { x: [1, 2], y: 0 }, color: inks[place], itemStyle: { color: inks[place] },
      cursor: "pointer",
      data: found(place).map(({ row, span }) => ({
        value: [row, log(Math.max(1, span.value)), log(Math.max(1, span.high))], link: span.link, more: span.more,
      })),
    }));
    const words = new Map(rows.ticks.map(([seconds, said]) => [log(seconds), said]));
    return {
      ...option, series, tooltip: { ...option.tooltip, formatter: (at) => at.data.more },
      xAxis: numberAxis(colours, (value) => words.get(value) ?? "", {
        min: low - 0.1, max: high + 0.1, minInterval: 0, position: "top",
        axisLabel: { color: colours.quiet, customValues: places, formatter: (value) => words.get(value) ?? "", hideOverlap: true },
        splitLine: { lineStyle: { color: colours.line }, customValues: places },
      }),
      yAxis: nameAxis(colours, rows.lines.map((one) => one.name), {
        inverse: true, axisLine: { show: false }, splitLine: { show: true, lineStyle: { color: colours.line } },
        axisLabel: { color: colours.strong, fontWeight: 600, width: narrow ? 84 : 150, overflow: "truncate" },
      }),
    };
  }

  // A lying bar per label in its own colour, its number behind it, and a tick where it was before.
  function ranks(rows, colours, { narrow }) {
    const option = frame(colours, { narrow, top: 4 });
    option.grid.right = 56;
    const paints = rows.lines.map((one) => colours.tone(one.paint));
    const tick = (_, api) => {
      const [x, y] = api.coord([api.value(0), api.value(1)]);
      const half = Math.min(11, api.size([0, 1])[1] * 0.36);
      return { type: "line", shape: { x1: x, y1: y - half, x2: x, y2: y + half }, style: { stroke: colours.strong, lineWidth: 2 } };
    };
    const words = (one) => `${one.name}: ${whole.format(one.value)} ${rows.words[0]}, ${whole.format(one.before)} ${rows.words[1]}`;
    return {
      ...option, legend: undefined,
      tooltip: { ...option.tooltip, formatter: (at) => words(rows.lines[at.dataIndex]) },
      xAxis: numberAxis(colours, length, { min: 0 }),
      yAxis: nameAxis(colours, rows.lines.map((one) => one.name), {
        inverse: true, axisLine: { show: false },
        axisLabel: { color: colours.strong, width: narrow ? 110 : 170, overflow: "truncate", interval: 0 },
      }),
      series: [
        { type: "bar", barMaxWidth: 20, barCategoryGap: "30%", cursor: "pointer",
          label: { show: true, position: "right", color: colours.strong, formatter: (at) => whole.format(at.value) },
          data: rows.lines.map((one, place) => ({
            value: one.value, itemStyle: { color: paints[place].fill, borderColor: paints[place].edge, borderWidth: 1, borderRadius: [0, 3, 3, 0] },
          })) },
        { type: "custom", silent: true, z: 5, renderItem: tick, encode: { x: 0, y: 1 }, data: rows.lines.map((one, place) => [one.before, place]) },
      ],
    };
  }

  // Two columns in the order of steps, and what went from one to the other; what went back is muted.
  function sankey(rows, colours, { narrow }) {
    const option = frame(colours, { narrow });
    const side = narrow ? 92 : 170;
    const nodes = rows.nodes.map((one) => {
      const paint = colours.tone(one.paint);
      return {
        name: one.key, depth: one.depth, value: one.value, itemStyle: { color: paint.fill, borderColor: paint.edge, borderWidth: 1 },
        label: { position: one.depth ? "right" : "left", formatter: `${whole.format(one.value)} ${one.name}` },
      };
    });
    const painted = new Map(rows.nodes.map((one) => [one.key, colours.tone(one.paint)]));
    const words = (at) => (at.dataType === "edge" ? rows.flows[at.dataIndex].words : rows.nodes[at.dataIndex].words);
    return {
      ...option, legend: undefined, tooltip: { ...option.tooltip, formatter: words },
      series: [{
        type: "sankey", left: side, right: side, top: 8, bottom: 8, nodeWidth: 14, nodeGap: 12, draggable: false,
        layoutIterations: 0, data: nodes, emphasis: { focus: "adjacency" },
        label: { color: colours.strong, fontSize: 12, width: side - 12, overflow: "truncate" },
        links: rows.flows.map((flow) => ({
          source: flow.from, target: flow.to, value: flow.value,
          lineStyle: flow.back
            ? { color: colours.quiet, opacity: 0.16 }
            : { color: painted.get(flow.to).edge, opacity: 0.38, curveness: 0.5 },
        })),
      }],
    };
  }

  const KINDS = { stack, lines, heat, dots, ranks, sankey, pairs, spans, shares };

  // What a click on a part opens: the rows behind it.
  const LINKS = {
    stack: (rows, at) => (rows.series[at.seriesIndex] || rows.line).links?.[at.dataIndex],
    lines: (rows, at) => rows.series[at.seriesIndex].links?.[at.dataIndex],
    heat: (rows, at) => rows.links?.[at.dataIndex],
    ranks: (rows, at) => rows.lines[at.dataIndex].link,
    dots: (_rows, at) => at.data && at.data.link,
    spans: (_rows, at) => at.data && at.data.link,
    shares: (_rows, at) => at.data && at.data.link,
    pairs: (rows, at) => rows.lines[at.dataIndex]?.links?.[at.seriesIndex],
    sankey: (rows, at) => (at.dataType === "edge" ? rows.flows[at.dataIndex].link : ""),
  };

  // -- Pictures on the page

  const pictures = [];

  function draw(picture) {
    const { figure, chart, kind, rows } = picture;
    const option = KINDS[kind](rows, coloursOf(figure), { narrow: chart.getWidth() < NARROW });
    chart.setOption({ ...option, animation: !still.matches, animationDuration: 350 }, true);
  }

  function open(figure) {
    const rows = JSON.parse(document.getElementById(figure.dataset.rows).textContent);
    const kind = figure.dataset.kind;
    const place = figure.querySelector(".lc-picture__canvas");
    figure.hidden = false;
    if (rows.height) place.style.height = `${rows.height}px`;
    if (!place.clientWidth) return; // not shown on this screen: what it says stands beside
    const chart = echarts.init(place, null, { renderer: "canvas" });
    const picture = { figure, place, chart, kind, rows };
    chart.on("click", (at) => {
      const link = LINKS[kind](rows, at);
      if (link) window.location.assign((rows.base || "") + link);
    });
    figure.querySelector(".lc-picture__save").addEventListener("click", () => save(picture));
    pictures.push(picture);
    draw(picture);
    let width = place.clientWidth;
    new ResizeObserver(() => {
      if (place.clientWidth === width || !place.clientWidth) return;
      width = place.clientWidth;
      chart.resize();
      draw(picture);
    }).observe(place);
  }

  // -- The picture as a file: with its title and what it says, on the ground of the page

  function save({ figure, place, chart, rows, kind }) {
    const colours = coloursOf(figure);
    const width = 1200, height = Math.max(place.clientHeight, 360), head = 76, edge = 24;
    const box = document.createElement("div");
    Object.assign(box.style, { position: "fixed", left: "-9999px", width: `${width - 2 * edge}px`, height: `${height}px` });
    document.body.append(box);
    const copy = echarts.init(box, null, { renderer: "canvas", devicePixelRatio: 2 });
    copy.setOption({ ...KINDS[kind](rows, colours, { narrow: false }), animation: false });
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: width * 2, height: (height + head + edge) * 2 });
    const paper = canvas.getContext("2d");
    paper.scale(2, 2);
    paper.fillStyle = colours.surface;
    paper.fillRect(0, 0, width, height + head + edge);
    paper.fillStyle = colours.strong;
    paper.font = `600 20px ${colours.font}`;
    paper.fillText(figure.dataset.title, edge, 36, width - 2 * edge);
    paper.fillStyle = colours.quiet;
    paper.font = `13px ${colours.font}`;
    paper.fillText(figure.dataset.said, edge, 60, width - 2 * edge);
    paper.drawImage(copy.renderToCanvas({ pixelRatio: 2 }), edge, head, width - 2 * edge, height);
    copy.dispose();
    box.remove();
    chart.resize();
    canvas.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = figure.dataset.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  const drawAll = () => pictures.forEach(draw);

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".lc-picture").forEach(open);
    new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["class"] });
    still.addEventListener("change", drawAll);
    document.fonts.ready.then(drawAll); // words drawn before their letters came
  });
})();
