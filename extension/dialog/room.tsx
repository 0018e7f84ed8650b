// What every part of the dialog needs at hand: the words, the language, the talk, and whether a click was meant.

import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Locale } from '#shared/locale.ts';
import type { DialogMessages } from '#shared/messages/dialog.ts';
import type { Conversation } from './conversation.ts';

export interface Room {
  readonly words: DialogMessages;
  readonly locale: Locale;
  /** BCP 47 tag for dates and numbers: the browser's own region of the language, where it has one. */
  readonly region: string;
  readonly talk: Conversation;
  readonly now: () => number;
  /** Did a person mean this click? See deliberate.ts. */
  readonly isDeliberate: (event: Event) => boolean;
  readonly openSettings: () => void;
  readonly close: () => void;
}

export const RoomContext = createContext<Room | undefined>(undefined);

/** What is at hand, in every part beneath the dialog. Throws outside of it, which is a mistake in the code. */
export function useRoom(): Room {
  const room = useContext(RoomContext);
  if (!room) throw new Error('A part of the dialog was drawn outside of it.');
  return room;
}

/** A moment for people: the time, and the day unless it is today. `iso` is ISO 8601. */
export function useMoment(): (iso: string) => string {
  const { region, now } = useRoom();
  return (iso) => {
    const moment = new Date(iso);
    const today = moment.toDateString() === new Date(now()).toDateString();
    return today
      ? moment.toLocaleTimeString(region, { timeStyle: 'medium' })
      : moment.toLocaleString(region, { dateStyle: 'medium', timeStyle: 'short' });
  };
}

/** Time until a moment, once a second, as "in 55 seconds"; nothing once it has passed. */
export function useCountdown(iso: string | undefined): string | undefined {
  const { region, now } = useRoom();
  const [, tick] = useState(0);
  useEffect(() => {
    if (iso === undefined) return;
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [iso]);
  const seconds = iso === undefined ? 0 : Math.round((Date.parse(iso) - now()) / 1000);
  if (seconds <= 0) return undefined;
  const words = new Intl.RelativeTimeFormat(region, { numeric: 'always' });
  return seconds < 90 ? words.format(seconds, 'second') : words.format(Math.round(seconds / 60), 'minute');
}
