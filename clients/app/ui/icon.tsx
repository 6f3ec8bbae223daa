import type { ReactNode } from 'react';

/** 20 × 20, drawn with the colour of the text. */
const paths = {
  back: 'M12.5 4.5 7 10l5.5 5.5',
  bell: 'M5.5 8.5a4.5 4.5 0 0 1 9 0c0 4 1.5 5 1.5 5H4s1.5-1 1.5-5M8.5 16a1.6 1.6 0 0 0 3 0',
  bellOff:
    'M5.7 7.3c-.1.4-.2.8-.2 1.2 0 4-1.5 5-1.5 5h9.5M8 4.5a4.5 4.5 0 0 1 6.5 4c0 1.3.2 2.3.4 3M8.5 16a1.6 1.6 0 0 0 3 0M3 3l14 14',
  block: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM5.2 5.2l9.6 9.6',
  calendar:
    'M4 6.5A1.5 1.5 0 0 1 5.5 5h9A1.5 1.5 0 0 1 16 6.5v8a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 4 14.5zM4 8.5h12M7 3.5V6M13 3.5V6',
  check: 'm4.5 10.5 3.5 3.5 7.5-8',
  close: 'm5 5 10 10M15 5 5 15',
  copy: 'M7.5 7.5v-2A1.5 1.5 0 0 1 9 4h5.5A1.5 1.5 0 0 1 16 5.5V11a1.5 1.5 0 0 1-1.5 1.5h-2M5.5 7.5H11A1.5 1.5 0 0 1 12.5 9v5.5A1.5 1.5 0 0 1 11 16H5.5A1.5 1.5 0 0 1 4 14.5V9a1.5 1.5 0 0 1 1.5-1.5Z',
  down: 'm5 8 5 5 5-5',
  edit: 'M4 16l.8-3.5L13 4.3a1.4 1.4 0 0 1 2 0l.7.7a1.4 1.4 0 0 1 0 2L7.5 15.2z',
  eye: 'M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5ZM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  forbidden: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM6.5 10h7',
  gear: 'M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM10 3v2M10 15v2M3 10h2M15 10h2M5 5l1.5 1.5M13.5 13.5 15 15M15 5l-1.5 1.5M6.5 13.5 5 15',
  info: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 9v4.5M10 6.5v.1',
  leave: 'M8 4H5.5A1.5 1.5 0 0 0 4 5.5v9A1.5 1.5 0 0 0 5.5 16H8M12.5 6.5 16 10l-3.5 3.5M16 10H8',
  more: 'M5 10h.01M10 10h.01M15 10h.01',
  pencil:
    'M10 4H5.5A1.5 1.5 0 0 0 4 5.5v9A1.5 1.5 0 0 0 5.5 16h9a1.5 1.5 0 0 0 1.5-1.5V10M8.5 11.5l.5-2L15 3.5 16.5 5l-6 6z',
  people:
    'M7.5 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.5 16c.3-2.5 2.3-4 5-4s4.7 1.5 5 4M13 4.3a3 3 0 0 1 0 5.4M14.5 12.3c1.7.5 2.8 1.8 3 3.7',
  pin: 'M7 3.5h6l-.7 5 2.7 2.5v1H5v-1L7.7 8.5zM10 12v5',
  plus: 'M10 4.5v11M4.5 10h11',
  reply: 'M8 5 3.5 9.5 8 14M3.5 9.5H11a5.5 5.5 0 0 1 5.5 5.5',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM13 13l4 4',
  send: 'M3.5 10 16.5 4l-4.3 12.5-2.7-5.2zM9.5 11.3l3-3',
  smile: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM7 11.5c.6 1.2 1.7 1.9 3 1.9s2.4-.7 3-1.9M7.5 8v.2M12.5 8v.2',
  trash: 'M4.5 6h11M8 6V4.5h4V6M6 6l.7 10h6.6L14 6M8.5 9v4.5M11.5 9v4.5',
  user: 'M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4 16.5c.4-3 2.8-4.5 6-4.5s5.6 1.5 6 4.5',
  warn: 'M10 3.5 17.5 16.5h-15zM10 8.5v3.5M10 14.2v.1',
  wifiOff:
    'M3 8.5a11 11 0 0 1 3-1.9M17 8.5a11 11 0 0 0-6.5-2.9M5.5 11.5a7 7 0 0 1 3-1.6M14.5 11.5l-1-.8M10 15.2v.1M3.5 3.5l13 13',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }): ReactNode {
  return (
    <svg className={name === 'more' ? 'icon more' : 'icon'} viewBox="0 0 20 20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** One check: sent. Two: delivered. Two in the accent's colour: read. A clock: not yet. */
export function TickMark({ state }: { readonly state: 'waiting' | 'sent' | 'delivered' | 'read' }): ReactNode {
  if (state === 'waiting') {
    return (
      <svg className="tick" viewBox="0 0 16 12" aria-hidden="true">
        <circle cx="8" cy="6" r="4.6" />
        <path d="M8 3.6V6l1.6 1.2" />
      </svg>
    );
  }
  return (
    <svg className={`tick ${state}`} viewBox="0 0 16 12" aria-hidden="true">
      <path d={state === 'sent' ? 'm4 6.3 2.8 2.8L12.3 3' : 'm1.3 6.3 2.8 2.8L9.6 3M7.3 8.2l.9.9L13.7 3'} />
    </svg>
  );
}
