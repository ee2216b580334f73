// Lets the search work where the site is read from the disk: browsers start no Worker from file://, so the worker's
// script runs in a hidden frame instead. The name IFrameWorker is what the search script of Material looks for.
if (location.protocol === "file:") {
  window.IFrameWorker = class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.documentElement.appendChild(this.frame);
      const inner = this.frame.contentWindow;
      const script = inner.document.createElement("script");
      script.src = new URL(url, location.href).href;
      // What the worker posts is for the page, not for the frame itself.
      inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      script.onload = () => {
        this.inner = inner;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      };
      script.onerror = () => this.dispatchEvent(new Event("error"));
      inner.document.body.appendChild(script);
    }

    postMessage(data) {
      if (this.inner) this.inner.dispatchEvent(new MessageEvent("message", { data }));
      else this.waiting.push(data);
    }

    terminate() {
      this.frame.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}
