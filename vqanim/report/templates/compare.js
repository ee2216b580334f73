"use strict";
// Both films at the same moment; a slider, a button and the curves move it.
(() => {
  const film = JSON.parse(document.getElementById("film").textContent);
  const slider = document.getElementById("time"), now = document.getElementById("now");
  const button = document.getElementById("play"), count = film.times.length;
  const sides = film.sides.map((side, number) => {
    const box = document.querySelectorAll(".picture")[number];
    return { ...side, box, image: box.querySelector("img"), words: box.querySelector("span") };
  });
  let timer = null, hovering = false;
  const partOf = moment => (moment + .5) / count;
  const show = moment => {
    slider.value = moment;
    now.textContent = `${film.times[moment].toFixed(2)} s`;
    for (const side of sides) {
      const number = side.at[moment];
      side.box.classList.toggle("gone", number === null);
      if (number !== null) side.image.src = side.pictures[number];
      else side.words.textContent = film.times[moment] > side.seconds ? "over" : "not painted";
    }
    if (!hovering) vqanimCurves.point(partOf(moment));
  };
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "play"; };
  const play = () => {
    button.textContent = "pause";
    timer = setInterval(() => show((+slider.value + 1) % count), 1000 * film.seconds / count);
  };
  slider.max = count - 1;
  slider.addEventListener("input", () => show(+slider.value));
  button.addEventListener("click", () => timer === null ? play() : stop());
  const moment = part => Math.min(count - 1, Math.floor(part * count));
  vqanimCurves.listen(
    part => { hovering = part !== null; vqanimCurves.point(hovering ? part : partOf(+slider.value)); },
    part => show(moment(part)));
  show(0);
})();
