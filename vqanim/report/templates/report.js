"use strict";
// The film, the strip and the curves follow each other.
(() => {
  const film = document.getElementById("film"), now = document.getElementById("now");
  const frames = +film.dataset.frames, fps = +film.dataset.fps;
  const plays = film.tagName === "VIDEO";
  const say = part => {
    const frame = Math.min(frames - 1, Math.floor(part * frames));
    now.textContent = `frame ${frame}, ${(frame / fps).toFixed(2)} s`;
  };
  const rest = now.textContent;
  const show = part => { vqanimCurves.point(part); if (part === null) now.textContent = rest; else say(part); };
  const partOfFilm = () => plays && film.currentTime > 0 ? Math.min(.999999, film.currentTime * fps / frames) : null;
  const seek = part => {
    if (plays) film.currentTime = (Math.floor(part * frames) + .5) / fps;
  };
  let hovering = false;
  vqanimCurves.listen(part => { hovering = part !== null; show(hovering ? part : partOfFilm()); }, seek);
  if (plays) {
    const follow = () => {
      if (!hovering) show(partOfFilm());
      if (!film.paused && !film.ended) requestAnimationFrame(follow);
    };
    film.addEventListener("play", follow);
    film.addEventListener("seeked", follow);
  }
  for (const button of document.querySelectorAll(".strip button")) {
    button.addEventListener("click", () => {
      const part = (+button.dataset.frame + .5) / frames;
      if (plays) seek(part);
      else film.src = button.querySelector("img").src;
      show(part);
    });
  }
})();
