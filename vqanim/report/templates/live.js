"use strict";
// Loads the render's state as a script, again and again, until the render has ended.
(() => {
  const at = id => document.getElementById(id);
  const file = at("state").dataset.file;
  const WORDS = {
    starting: "starting", loading: "loading the models", painting: "painting", films: "making the films",
    finished: "finished", stopped: "stopped", failed: "failed",
  };
  const ENDED = ["finished", "stopped", "failed"];
  const LOST = 45;  // seconds without a word
  let last = null, hovering = false, plots = null;

  const clock = seconds => {
    const whole = Math.max(0, Math.round(seconds)), two = n => String(n).padStart(2, "0");
    const h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60;
    return h ? `${h}:${two(m)}:${two(whole % 60)}` : `${m}:${two(whole % 60)}`;
  };
  const element = (tag, text, kind) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const note = (lines, kind) => {
    const list = element("ul", undefined, `notes ${kind}`);
    for (const line of lines) list.append(element("li", line));
    return list;
  };
  // A picture is shown once it is decoded, so that nothing flickers.
  const show = (image, src) => {
    if (image.dataset.src === src) return;
    image.dataset.src = src;
    const next = new Image();
    next.src = src;
    next.decode().then(() => { if (image.dataset.src === src) { image.src = src; image.hidden = false; } }, () => {});
  };

  const facts = live => {
    const found = [];
    if (live.frames) found.push(`frame ${live.done} of ${live.frames}`);
    if (live.step) found.push(`step ${live.step[0]} of ${live.step[1]}`);
    if (live.shot && !ENDED.includes(live.state)) found.push(live.shot);
    if (live.pace !== null) found.push(`${live.pace.toFixed(live.pace < 10 ? 1 : 0)} s a frame`);
    if (live.left !== null) found.push(`${clock(live.left - (Date.now() / 1000 - live.written))} left`);
    if (live.kept) found.push(`${live.kept} kept from before`);
    if (live.device) found.push(live.device);
    return found.join(" · ");
  };

  const draw = () => {
    const live = last, ended = ENDED.includes(live.state);
    const silent = Date.now() / 1000 - live.written;
    const lost = !ended && silent > LOST;
    const when = new Date(live.written * 1000).toLocaleString();
    at("state").className = `state ${lost ? "lost" : live.state}`;
    at("state").textContent = lost ? `no sign of life for ${clock(silent)}` :
      ended ? `${WORDS[live.state]}, ${when}` : WORDS[live.state] || live.state;
    const step = live.step ? live.step[0] / live.step[1] : 0;
    const share = live.timelapse && live.step ? step : live.frames ? (live.done + step) / live.frames : 0;
    at("bar").style.width = `${100 * share}%`;
    at("facts").textContent = facts(live);
    const message = [];
    if (live.message) message.push(live.message);
    if (lost) message.push("The render was killed, or its machine sleeps. The same command goes on with it.");
    if (live.state === "stopped") message.push("The same command goes on with it.");
    at("message").replaceChildren(...(message.length ? [note(message, live.state === "stopped" ? "warning" : "error")] : []));
    for (const [href, text] of live.links) {
      const link = element("a", text);
      link.href = href;
      at("facts").append(" · ", link);
    }
  };

  const fill = live => {
    const [newest, ...others] = live.recent;
    if (newest) { show(at("newest"), newest.src); at("newest-name").textContent = newest.name; }
    const strip = at("strip");
    while (strip.children.length < others.length) strip.append(element("img"));
    while (strip.children.length > others.length) strip.lastChild.remove();
    others.forEach((one, number) => {
      const image = strip.children[number];
      image.title = image.alt = one.name;
      show(image, one.src);
    });
    at("weights-box").hidden = !live.weights.length;
    const most = Math.max(1, ...live.weights.map(([, weight]) => Math.abs(weight)));
    at("weights").replaceChildren(...live.weights.map(([text, weight]) => {
      const line = element("div", undefined, "weight"), bar = element("i", undefined, weight < 0 ? "away" : "");
      bar.style.width = `${100 * Math.abs(weight) / most}%`;
      line.append(element("span", text), element("b", weight.toFixed(2)), bar);
      return line;
    }));
    at("figures").hidden = !live.plots;
    if (live.plots !== plots) { at("plots").innerHTML = plots = live.plots; }
    at("warnings").replaceChildren(...(live.warnings.length ? [note(live.warnings, "warning")] : []));
    if (!hovering) vqanimCurves.point(live.part);
  };

  window.vqanimLive = live => {
    const news = last === null || live.written !== last.written;
    last = live;
    if (news) fill(live);
    draw();
  };
  const load = () => {
    const script = document.createElement("script");
    script.src = `${file}?t=${Date.now()}`;
    script.onload = script.onerror = () => {
      script.remove();
      if (last !== null && !ENDED.includes(last.state)) draw();
      if (last === null || !ENDED.includes(last.state)) setTimeout(load, 1000);
    };
    document.head.append(script);
  };
  vqanimCurves.listen(part => {
    hovering = part !== null;
    vqanimCurves.point(hovering || !last ? part : last.part);
  });
  load();
})();
