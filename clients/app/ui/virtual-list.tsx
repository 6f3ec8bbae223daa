import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent, ReactNode, Ref } from 'react';
import { Heights } from '../store/heights.ts';

export interface ListHandle {
  toEnd(): void;
  /** Brings a row to the upper third. */
  toRow(index: number): void;
}

export interface VirtualListProps {
  readonly count: number;
  /** Number of the first row among all that there ever were: when it changes, rows in front came or went. */
  readonly first: number;
  readonly label: string;
  /** Where it stands at the beginning: a row, or the end. */
  readonly start: number | 'end';
  readonly render: (index: number) => ReactNode;
  readonly keyOf: (index: number) => string;
  /** Rows that are drawn now. */
  readonly onRange: (from: number, to: number) => void;
  readonly onAtEnd: (isAtEnd: boolean) => void;
  readonly handle: Ref<ListHandle>;
  readonly onKeyDown?: (event: KeyboardEvent<HTMLElement>) => void;
}

const guessPx = 58;
const overscanPx = 700;
const endPx = 24;
const padPx = 12;

/**
 * A list of any length of which only what is near the screen exists. It keeps its place while rows grow, come and go: the end
 * when it stands there, else the first row on screen. Few rows stand at the bottom.
 */
export function VirtualList(props: VirtualListProps): ReactNode {
  const { count, first, label, start, render, keyOf, onRange, onAtEnd, handle, onKeyDown } = props;
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const [state] = useState(() => ({
    heights: new Heights(guessPx),
    first,
    isAtEnd: start === 'end',
    anchor: { index: start === 'end' ? 0 : start, px: -120 },
    toldAtEnd: undefined as boolean | undefined,
    /** Where it was left by `arrange` or the last scrolling. */
    top: 0,
  }));
  const [[from, to], setRange] = useState<readonly [number, number]>([0, 0]);

  const leadPx = (): number => Math.max(padPx, (box.current?.clientHeight ?? 0) - state.heights.total - padPx);

  const look = (): void => {
    const it = box.current;
    if (it === null) return;
    const { heights } = state;
    const top = it.scrollTop - leadPx();
    const next: readonly [number, number] =
      heights.count === 0
        ? [0, 0]
        : [heights.at(top - overscanPx), Math.min(heights.at(top + it.clientHeight + overscanPx) + 1, heights.count)];
    setRange((old) => (old[0] === next[0] && old[1] === next[1] ? old : next));
    if (state.toldAtEnd !== state.isAtEnd) {
      state.toldAtEnd = state.isAtEnd;
      onAtEnd(state.isAtEnd);
    }
  };

  /** Measures what is drawn, and puts everything where it belongs. */
  const arrange = (): void => {
    const [it, all, drawn] = [box.current, inner.current, rows.current];
    if (it === null || all === null || drawn === null) return;
    const { heights, anchor } = state;
    if (state.first !== first) {
      anchor.index = Math.max(0, anchor.index + state.first - first);
      state.first = first;
      heights.reset(count);
    }
    heights.resize(count);
    for (const row of drawn.children as Iterable<HTMLElement> & HTMLCollection) {
      heights.set(Number(row.dataset['index']), row.getBoundingClientRect().height);
    }
    const lead = leadPx();
    all.style.height = `${lead + heights.total + padPx}px`;
    drawn.style.transform = `translateY(${lead + heights.offset(Math.min(from, heights.count))}px)`;
    const most = it.scrollHeight - it.clientHeight;
    // A place from which the end is seen is the end: where all fits, nothing is ever scrolled that would say so.
    state.isAtEnd ||= lead + heights.offset(anchor.index) + anchor.px >= most - 1;
    const wanted = state.isAtEnd ? most : lead + heights.offset(anchor.index) + anchor.px;
    if (Math.abs(it.scrollTop - Math.max(0, wanted)) >= 1) it.scrollTop = wanted;
    state.top = it.scrollTop;
    look();
  };

  const onScroll = (): void => {
    const it = box.current;
    if (it === null) return;
    const { heights, anchor } = state;
    // Who was at the end and was not taken up from there is at the end: what came since has made it longer.
    const isLeft = !state.isAtEnd || it.scrollTop < state.top;
    state.top = it.scrollTop;
    state.isAtEnd = !isLeft || it.scrollTop + it.clientHeight >= it.scrollHeight - endPx;
    const top = it.scrollTop - leadPx();
    anchor.index = heights.at(top);
    anchor.px = top - heights.offset(anchor.index);
    look();
  };

  /** What is unfolded is read from where it stands, also at the end. */
  const leaveEnd = ({ target }: MouseEvent<HTMLElement>): void => {
    if (target instanceof Element && target.closest('[aria-expanded]') !== null) state.isAtEnd = false;
  };

  useLayoutEffect(arrange);
  useEffect(() => {
    const observer = new ResizeObserver(arrange);
    for (const it of [box.current, rows.current]) if (it !== null) observer.observe(it);
    return () => observer.disconnect();
  });
  useEffect(() => {
    if (to > from) onRange(from, to);
  });
  useImperativeHandle(handle, () => ({
    toEnd() {
      state.isAtEnd = true;
      arrange();
    },
    toRow(index) {
      state.isAtEnd = false;
      state.anchor = { index, px: -(box.current?.clientHeight ?? 0) / 3 };
      arrange();
    },
  }));

  const drawn: ReactNode[] = [];
  for (let index = from; index < Math.min(to, count); index++) {
    drawn.push(
      <div key={keyOf(index)} data-index={index} role="listitem" aria-setsize={count} aria-posinset={index + 1}>
        {render(index)}
      </div>,
    );
  }
  return (
    <div
      ref={box}
      className="scroller"
      onScroll={onScroll}
      onClickCapture={leaveEnd}
      onKeyDown={onKeyDown}
      role="list"
      aria-label={label}
      tabIndex={0}
    >
      <div ref={inner} className="scroller-inner" role="presentation">
        <div ref={rows} className="scroller-rows" role="presentation">
          {drawn}
        </div>
      </div>
    </div>
  );
}
