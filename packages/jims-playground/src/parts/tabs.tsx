import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';

interface TabsProps<Name extends string> {
  readonly label: string;
  readonly tabs: readonly { readonly name: Name; readonly title: string }[];
  readonly selected: Name;
  readonly onSelect: (name: Name) => void;
  /** The id of the panel that a tab is for. */
  readonly panelId: string;
}

/** A row of tabs; arrow keys, Home and End go through them. */
export function Tabs<Name extends string>({
  label,
  tabs,
  selected,
  onSelect,
  panelId,
}: TabsProps<Name>): VNode {
  const list = useRef<HTMLDivElement>(null);

  function go(event: KeyboardEvent): void {
    const index = tabs.findIndex(({ name }) => name === selected);
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[
      event.key
    ];
    if (next === undefined) return;
    const position = (next + tabs.length) % tabs.length;
    const tab = tabs[position];
    if (!tab) return;
    event.preventDefault();
    onSelect(tab.name);
    const button = list.current?.children[position];
    if (button instanceof HTMLElement) button.focus();
  }

  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={go}>
      {tabs.map(({ name, title }) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`${panelId}-${name}`}
          aria-selected={name === selected}
          aria-controls={panelId}
          tabIndex={name === selected ? 0 : -1}
          onClick={() => onSelect(name)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
