import { useEffect, useLayoutEffect, useRef } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';
import { useView } from '../../web/react/index.ts';
import { useApp } from './context.ts';
import { Icon } from './icon.tsx';
import type { IconName } from './icon.tsx';

const edge = 8;

/** Shows what `desk.popover` says, beside what opened it. Escape, a click elsewhere and Tab close it; the focus goes back. */
export function PopoverHost(): ReactNode {
  const { desk } = useApp();
  const popover = useView(desk.popover);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const it = box.current;
    if (it === null || popover === undefined) return undefined;
    it.showPopover();
    place(it, popover.anchor.getBoundingClientRect());
    it.querySelector<HTMLElement>('[role=menuitem], [data-first], button, input')?.focus({ preventScroll: true });
    const { anchor } = popover;
    return () => {
      if (it.contains(document.activeElement) && anchor instanceof HTMLElement) anchor.focus({ preventScroll: true });
    };
  }, [popover]);
  useEffect(() => {
    const it = box.current;
    const onToggle = (event: ToggleEvent): void => {
      if (event.newState === 'closed') desk.popover.set(undefined);
    };
    it?.addEventListener('toggle', onToggle);
    return () => it?.removeEventListener('toggle', onToggle);
  });
  if (popover === undefined) return null;
  return (
    <div ref={box} className="popover" popover="auto" onKeyDown={moveFocus}>
      {popover.content}
    </div>
  );
}

function place(it: HTMLElement, anchor: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = it;
  const fitsBelow = anchor.bottom + edge / 2 + height <= innerHeight - edge;
  const top = fitsBelow ? anchor.bottom + edge / 2 : Math.max(edge, anchor.top - edge / 2 - height);
  const wanted = anchor.left + anchor.width / 2 > innerWidth / 2 ? anchor.right - width : anchor.left;
  it.style.top = `${Math.min(top, innerHeight - height - edge)}px`;
  it.style.left = `${Math.max(edge, Math.min(wanted, innerWidth - width - edge))}px`;
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 };
  const step = steps[event.key];
  if (event.target instanceof HTMLInputElement) return;
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=menuitem], [data-cell]')];
  if (step === undefined || items.length === 0) return;
  event.preventDefault();
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[(at + step + items.length) % items.length]?.focus();
}

export interface MenuItem {
  readonly label: string;
  readonly icon: IconName;
  readonly isDanger?: boolean;
  readonly pick: () => void;
}

/** Opens a menu beside an element. */
export function useMenu(): (anchor: Element, label: string, items: readonly MenuItem[], head?: ReactNode) => void {
  const { desk } = useApp();
  return (anchor, label, items, head) => {
    const content = (
      <div className="menu">
        {head}
        <div role="menu" aria-label={label}>
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              className={item.isDanger === true ? 'danger' : ''}
              onClick={() => {
                desk.popover.set(undefined);
                item.pick();
              }}
            >
              <Icon name={item.icon} />
              {item.label}
            </button>
          ))}
        </div>
      </div>
    );
    desk.popover.set({ anchor, content });
  };
}
