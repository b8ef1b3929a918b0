import { JimsClient } from './jims-client.js';

const list = document.querySelector('.messages');
const status = document.querySelector('[role=status]');
const alert = document.querySelector('[role=alert]');
const form = document.querySelector('form');

/** What is on the page, by the keys of the messages. */
const items = new Map();

// The service does for this contact what the contact may do, and nothing else.
localStorage.contactId ??= `customer:${crypto.randomUUID()}`;
const { contactId, threadId } = localStorage;
const jims = new JimsClient({ contactId, headers: { 'x-jims-contact-id': contactId } });
const chat = jims.openChat({ threadId });
chat.subscribe(draw);

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = form.elements.text.value.trim();
  if (text === '') return;
  form.reset();
  void attempt(chat.send(text));
});

/** The snapshot has the error, too: `draw` shows it. */
function attempt(action) {
  return action.catch(() => {});
}

function draw() {
  const { messages, run, error, ...chatNow } = chat.getSnapshot();
  if (chatNow.threadId) localStorage.threadId = chatNow.threadId;
  const step = run?.steps.findLast((each) => each.status === 'running');
  const isAway = chatNow.status === 'reconnecting';
  status.textContent = isAway ? 'The service is away. Trying again…' : step ? `${step.title}…` : '';
  const isLate = error?.status === 409 || error?.status === 410;
  alert.textContent = isLate ? 'This question is not open any more.' : (error?.message ?? '');
  // What was answered, or followed by a message, is history.
  for (const message of messages) show(message, message === messages.at(-1));
}

function show({ key, role, text, buttons }, isLast) {
  const item = items.get(key) ?? document.createElement('li');
  const paragraph = item.firstChild ?? document.createElement('p');
  paragraph.textContent = text;
  item.className = role;
  if (!isLast) item.replaceChildren(paragraph);
  if (items.has(key)) return;
  item.append(paragraph, ...(isLast && buttons.length > 0 ? [buttonRow(buttons)] : []));
  items.set(key, item);
  list.append(item);
  item.scrollIntoView({ block: 'end' });
}

function buttonRow(buttons) {
  const row = document.createElement('div');
  row.className = 'buttons';
  for (const { id, text } of buttons) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.addEventListener('click', () => attempt(chat.click(id)));
    row.append(button);
  }
  return row;
}
