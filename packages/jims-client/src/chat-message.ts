// What the service sends, as a chat shows it.
import type {
  ChatButton,
  ChatFile,
  ChatMessage,
  ChatQuestion,
  ChatSource,
} from './chat-snapshot.ts';
import type { AskedQuestion, JsonObject, MessageFile } from './wire.ts';

export const MESSAGE = 'comm.user_message';
export const CLICK = 'comm.user_button_click';

/** A message of which nothing is known yet. */
export const BLANK: Omit<ChatMessage, 'id' | 'key'> = {
  role: 'assistant',
  text: '',
  state: 'growing',
  type: 'comm.assistant_message',
  buttons: [],
  files: [],
  sources: [],
  tools: [],
  reasoning: '',
  isUnanswered: false,
};

/** The data of an event that is a message of one of the two. What apps put into their own events may be anything. */
interface MessageData extends JsonObject {
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly partial?: boolean;
  readonly reasoning?: string;
  readonly question_id?: string;
  readonly buttons?: readonly ButtonData[];
  readonly files?: readonly MessageFile[];
  readonly sources?: readonly ChatSource[];
}

interface ButtonData {
  readonly id?: unknown;
  readonly text?: unknown;
}

export function isMessage(data: JsonObject): data is MessageData {
  const { role, content } = data;
  return (role === 'user' || role === 'assistant') && typeof content === 'string';
}

/** What the data of an event says of its message. `filesUrl` is the address of files, without their ids. */
export function membersOf(data: MessageData, filesUrl: string): Partial<ChatMessage> {
  const { role, content, reasoning, partial, buttons, files, sources, question_id } = data;
  return {
    role,
    text: content,
    state: partial ? 'partial' : 'complete',
    buttons: objects(buttons).map(buttonOf),
    files: objects(files)
      .map((file) => fileOf(file, filesUrl))
      .filter(({ fileId }) => fileId),
    sources: objects(sources).filter(({ url }) => url),
    ...(typeof reasoning === 'string' && { reasoning }),
    ...(question_id && { questionId: question_id }),
  };
}

export function fileOf(
  { file_id, name, media_type, size }: MessageFile,
  filesUrl: string,
): ChatFile {
  return {
    fileId: file_id,
    name,
    mediaType: media_type,
    size,
    progress: 1,
    url: filesUrl + file_id,
  };
}

export function questionOf({
  buttons,
  expires_at: expiresAt,
  ...rest
}: AskedQuestion): ChatQuestion {
  return { ...rest, buttons: objects(buttons).map(buttonOf), expiresAt };
}

/** A button without an id is clicked by its text. */
function buttonOf({ id, text }: ButtonData): ChatButton {
  return { id: String(id ?? text), text: String(text ?? id) };
}

/** The objects of what should be a list of them. */
function objects<T extends object>(list: readonly T[] | undefined): readonly T[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'object' && item) : [];
}
