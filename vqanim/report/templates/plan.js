"use strict";
(() => {
  const now = document.getElementById("now");
  const rest = now.textContent, frames = +now.dataset.frames, fps = +now.dataset.fps;
  vqanimCurves.listen(part => {
    vqanimCurves.point(part);
    const frame = part === null ? 0 : Math.floor(part * frames);
    now.textContent = part === null ? rest : `frame ${frame}, ${(frame / fps).toFixed(2)} s`;
  });
})();
