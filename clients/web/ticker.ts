// A dedicated worker that does nothing but wait: its timers go on at their pace where those of a hidden page are held back to
// one a minute. The page says [id, delayMs] to set one and [id] to cancel it, and hears the id when its time has come.
interface TickerScope {
  onmessage: ((event: MessageEvent<[id: number, delayMs?: number]>) => void) | null;
  postMessage(id: number): void;
}

const scope = globalThis as unknown as TickerScope;

function tick(): void {
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  scope.onmessage = ({ data: [id, delayMs] }) => {
    clearTimeout(timers.get(id));
    timers.delete(id);
    if (delayMs === undefined) return;
    const fire = (): void => {
      timers.delete(id);
      scope.postMessage(id);
    };
    timers.set(id, setTimeout(fire, delayMs));
  };
}

tick();
