import type { RefObject } from 'preact';
import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Nearer to the end than this, in pixels, is at the end. */
const NEAR = 48;

export interface StickToEnd {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  /** Whether the reader is where the newest is. */
  readonly isAtEnd: boolean;
  readonly goToEnd: () => void;
  readonly onScroll: () => void;
}

/**
 * Keeps the end of a growing list in sight until the reader scrolls up, and what they read where it is when older
 * messages come in above (`first` is another one then).
 */
export function useStickToEnd(first: string | undefined): StickToEnd {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const lastTop = useRef(0);
  const [isAtEnd, setAtEnd] = useState(true);

  const follow = useCallback(() => {
    const box = scroller.current;
    if (!box || !sticks.current) return;
    box.scrollTop = box.scrollHeight;
    lastTop.current = box.scrollTop;
  }, []);

  const onScroll = useCallback(() => {
    const box = scroller.current;
    if (!box) return;
    const isNear = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    // What grows below the reader moves nothing up: only they do.
    if (isNear) sticks.current = true;
    else if (box.scrollTop < lastTop.current - 1) sticks.current = false;
    lastTop.current = box.scrollTop;
    setAtEnd(isNear || sticks.current);
  }, []);

  const goToEnd = useCallback(() => {
    sticks.current = true;
    setAtEnd(true);
    follow();
  }, [follow]);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(follow);
    for (const { current } of [scroller, content]) if (current) observer.observe(current);
    return () => observer.disconnect();
  }, [follow]);

  usePositionKept(first, scroller, sticks);
  return { scroller, content, isAtEnd, goToEnd, onScroll };
}

function usePositionKept(
  first: string | undefined,
  scroller: RefObject<HTMLDivElement | null>,
  sticks: RefObject<boolean>,
): void {
  const before = useRef({ first, height: 0 });
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const grown = box.scrollHeight - before.current.height;
    const isOlder = before.current.first !== undefined && before.current.first !== first;
    // A browser that anchors what is read has moved it already, unless it was at the very top.
    if (isOlder && !sticks.current && box.scrollTop < 1) box.scrollTop = grown;
    before.current = { first, height: box.scrollHeight };
  });
}
