/** Somebody who computes: a worker, or this thread where none can be started. */

/**
 * @param {() => Worker} start makes the worker; it may throw
 * @param {(post: (message: any) => void) => (message: any) => void} here does the same on this thread
 * @param {(message: any) => void} hear
 * @returns {{ send: (message: any) => void, end: () => void }}
 */
export function openCrew(start, here, hear) {
  let [worker, local, alive, answered] = [null, null, true, false];
  const early = []; // kept until the worker has answered once, in case that it never does
  const stay = () => {
    worker?.terminate();
    worker = null;
    local = here((message) => { if (alive) hear(message); });
    early.splice(0).forEach(local);
  };
  try {
    worker = start();
    worker.onmessage = ({ data }) => {
      answered = true;
      early.length = 0;
      if (alive) hear(data);
    };
    worker.onerror = (event) => {
      if (answered) return;
      event.preventDefault();
      stay();
    };
  } catch {
    stay();
  }
  return {
    send(message) {
      if (local) setTimeout(() => local(message), 0);
      else {
        if (!answered) early.push(message);
        worker.postMessage(message);
      }
    },
    end() {
      alive = false;
      worker?.terminate();
    },
  };
}
