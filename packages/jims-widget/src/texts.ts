/** Every string of the chat. `{name}` and the like are replaced. */
export interface ChatTexts {
  readonly open: string;
  readonly openUnread: string;
  readonly close: string;
  readonly heading: string;
  readonly newChat: string;
  readonly messages: string;
  readonly you: string;
  readonly assistant: string;
  readonly empty: string;
  readonly loading: string;
  readonly earlier: string;
  readonly newest: string;
  readonly message: string;
  readonly placeholder: string;
  readonly answerPlaceholder: string;
  readonly send: string;
  readonly stop: string;
  readonly attach: string;
  readonly attached: string;
  readonly removeFile: string;
  readonly dropFiles: string;
  readonly download: string;
  readonly fileFailed: string;
  readonly thinking: string;
  readonly reconnecting: string;
  /** Nothing was ever heard of the service. */
  readonly unreachable: string;
  readonly restarted: string;
  readonly steps: string;
  readonly running: string;
  readonly done: string;
  readonly failed: string;
  readonly input: string;
  readonly output: string;
  readonly reasoning: string;
  readonly sources: string;
  readonly sending: string;
  /** Of a message that waits for the connection, or for one before it. */
  readonly queued: string;
  readonly notSent: string;
  /** Puts a message that was not sent into the field again. */
  readonly writeAgain: string;
  readonly discard: string;
  /** Of a message whose run failed. */
  readonly noAnswer: string;
  readonly stopped: string;
  readonly clicked: string;
  readonly copy: string;
  readonly copyCode: string;
  readonly copied: string;
  readonly edit: string;
  readonly save: string;
  readonly cancel: string;
  readonly good: string;
  readonly bad: string;
  readonly comment: string;
  readonly sendComment: string;
  readonly skip: string;
  readonly thanks: string;
  readonly select: string;
  readonly question: string;
  readonly yes: string;
  readonly no: string;
  readonly answer: string;
  readonly retry: string;
  readonly more: string;
  /** By the code of the error; `other` for those that have no text of their own. */
  readonly errors: Readonly<Record<string, string>>;
}

export const ENGLISH: ChatTexts = {
  open: 'Open chat',
  openUnread: 'Open chat, new message',
  close: 'Close chat',
  heading: 'Chat',
  newChat: 'New chat',
  messages: 'Messages',
  you: 'You',
  assistant: 'Assistant',
  empty: 'How can we help?',
  loading: 'Loading…',
  earlier: 'Show earlier messages',
  newest: 'Jump to newest',
  message: 'Message',
  placeholder: 'Write a message',
  answerPlaceholder: 'Write your answer',
  send: 'Send',
  stop: 'Stop',
  attach: 'Attach files',
  attached: 'Attached files',
  removeFile: 'Remove {name}',
  dropFiles: 'Drop files here',
  download: 'Download {name}',
  fileFailed: '{name} could not be loaded',
  thinking: 'Thinking…',
  reconnecting: 'Connection lost. Trying again…',
  unreachable: 'The chat cannot be reached. Trying again…',
  restarted: 'Starting again…',
  steps: 'Steps',
  running: 'running',
  done: 'done',
  failed: 'failed',
  input: 'Input',
  output: 'Output',
  reasoning: 'Reasoning',
  sources: 'Sources',
  sending: 'Sending…',
  queued: 'Waiting to be sent…',
  notSent: 'Not sent',
  writeAgain: 'Edit',
  discard: 'Discard',
  noAnswer: 'No answer',
  stopped: 'Stopped',
  clicked: 'Chosen',
  copy: 'Copy',
  copyCode: 'Copy code',
  copied: 'Copied',
  edit: 'Edit',
  save: 'Send again',
  cancel: 'Cancel',
  good: 'Good answer',
  bad: 'Bad answer',
  comment: 'What was wrong? (optional)',
  sendComment: 'Send comment',
  skip: 'Skip',
  thanks: 'Thank you for your feedback',
  select: 'Show details',
  question: 'Your answer is needed',
  yes: 'Yes',
  no: 'No',
  answer: 'Answer',
  retry: 'Try again',
  more: 'Show more',
  errors: {
    network: 'There is no connection to the service.',
    unauthorized: 'You are not signed in, or no longer.',
    too_many_runs: 'That was a lot at once. Please wait a moment.',
    queue_full: 'That was a lot at once. Please wait a moment.',
    overloaded: 'The service is busy. Please try again in a moment.',
    message_too_large: 'This message is too long.',
    file_too_large: 'This file is too large.',
    too_many_files: 'These are too many files.',
    file_refused: 'Files of this type are not taken.',
    question_closed: 'This question has been answered already.',
    question_expired: 'The time to answer is over.',
    deadline: 'The answer took too long.',
    other: 'Something went wrong.',
  },
};

/** `{name}` becomes the value of that name. */
export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** Own texts over the English ones. */
export function textsWith(own: PartialTexts | undefined): ChatTexts {
  return { ...ENGLISH, ...own, errors: { ...ENGLISH.errors, ...own?.errors } };
}

/** Some strings of the chat; the others stay English. */
export type PartialTexts = Partial<ChatTexts>;
