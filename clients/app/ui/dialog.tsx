import { useEffect, useId, useRef } from 'react';
import type { MouseEvent, ReactNode, SubmitEvent } from 'react';
import { useView } from '../../web/react/index.ts';
import { useApp } from './context.ts';
import { IconButton } from './icon-button.tsx';

/** Shows what `desk.dialog` holds: the browser keeps the focus inside, and Escape closes it. */
export function DialogHost(): ReactNode {
  const { desk } = useApp();
  const content = useView(desk.dialog);
  return content === undefined ? null : content;
}

interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Buttons at the end. */
  readonly actions?: ReactNode;
  readonly onSubmit?: () => void;
  readonly wide?: boolean;
}

export function Dialog({ title, children, actions, onSubmit, wide = false }: DialogProps): ReactNode {
  const { desk, texts } = useApp();
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  const close = (): void => desk.dialog.set(undefined);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    box.current?.querySelector<HTMLElement>('[data-first]')?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  const onBackdrop = (event: MouseEvent): void => {
    if (event.target === box.current) close();
  };
  const onForm = (event: SubmitEvent): void => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <dialog
      ref={box}
      className={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={id}
      onClose={close}
      onMouseDown={onBackdrop}
    >
      <form onSubmit={onForm}>
        <header>
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label={texts.close} onClick={close} />
        </header>
        <div className="dialog-body">{children}</div>
        {actions !== undefined && <footer>{actions}</footer>}
      </form>
    </dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly confirm: () => void;
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, text, action, confirm }: ConfirmProps): ReactNode {
  const { desk, texts } = useApp();
  const close = (): void => desk.dialog.set(undefined);
  const actions = (
    <>
      <button type="button" className="button" onClick={close}>
        {texts.cancel}
      </button>
      <button type="submit" className="button danger">
        {action}
      </button>
    </>
  );
  const submit = (): void => {
    close();
    confirm();
  };
  return (
    <Dialog title={title} actions={actions} onSubmit={submit}>
      <p>{text}</p>
    </Dialog>
  );
}

export function ToastHost(): ReactNode {
  const toast = useView(useApp().desk.toast);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Anew with each: what came last lies over a dialog too. It stays there, to be heard of by who listens to the page.
    box.current?.hidePopover();
    box.current?.showPopover();
  }, [toast]);
  return (
    <div ref={box} className="toasts" role="status" popover="manual">
      {toast !== undefined && <p className="toast">{toast.text}</p>}
    </div>
  );
}
