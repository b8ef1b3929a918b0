import type { ComponentProps, JSX } from 'preact';

import { Icon } from './icons.tsx';

interface IconButtonProps extends ComponentProps<'button'> {
  readonly icon: ComponentProps<typeof Icon>['name'];
  /** Read out, and shown where it is pointed at. */
  readonly label: string;
}

/** A button that shows an icon alone. */
export function IconButton({ icon, label, ...others }: IconButtonProps): JSX.Element {
  return (
    <button type="button" aria-label={label} title={label} {...others}>
      <Icon name={icon} />
    </button>
  );
}
