import type { ComponentProps, ReactNode } from 'react';
import { useApp } from './context.ts';
import { Icon } from './icon.tsx';

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'type' | 'title' | 'aria-label' | 'children'> {
  readonly icon: ComponentProps<typeof Icon>['name'];
  /** What it does: read aloud, and with `hint` shown to who points at it. */
  readonly label: string;
  readonly hint?: boolean;
}

/** A button that is a picture. */
export function IconButton({ icon, label, hint = false, className, ...rest }: IconButtonProps): ReactNode {
  return (
    <button
      type="button"
      className={className === undefined ? 'icon-button' : `icon-button ${className}`}
      aria-label={label}
      title={hint ? label : undefined}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}

/** On a phone: from what is open back to the list. */
export function BackButton(): ReactNode {
  const { desk, texts } = useApp();
  return <IconButton className="back" icon="back" label={texts.back} onClick={() => desk.router.home()} />;
}
