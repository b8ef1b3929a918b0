import { follow, send } from './api.js';

const messages = document.querySelector('.messages');
const status = document.querySelector('[role=status]');
const alert = document.querySelector('[role=alert]');
const form = document.querySelector('form');

/** The last event of a run's stream is one of these. */
const ENDS = new Set(['result', 'error', 'cancelled']);
/** Texts of the buttons that were seen, by their ids. */
const texts = new Map();

// The service does for this contact what the contact may do, and nothing else.
localStorage.contactId ??= `customer:${crypto.randomUUID()}`;
const headers = { 'x-jims-contact-id': localStorage.contactId };

const onAway = () => {
  status.textContent = 'The service is away. Trying again…';
};
const onBack = () => {
  status.textContent = '';
};

const contact_id = localStorage.contactId;
const thread = send('/api/v1/threads', { contact_id, external_id: 'refunds' }, { headers, onAway });

// Before anything is waited for: a quick click must not send the form itself.
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = form.elements.text.value.trim();
  if (text === '') return;
  form.reset();
  void say({ message: text });
});

const events = `/api/v1/threads/${(await thread).thread_id}/events`;
for await (const { data } of follow(events, { headers, onAway, onBack })) show(data);

/** Starts a run, and shows its steps as long as it goes on; its messages come with the events. */
async function say(message) {
  alert.textContent = '';
  try {
    const { thread_id } = await thread;
    const run = await send(`/api/v1/threads/${thread_id}/runs`, message, { headers, onAway });
    const stream = `/api/v1/runs/${run.run_id}/stream?include=step`;
    for await (const { id, event, data } of follow(stream, { headers, onAway, onBack })) {
      status.textContent = event === 'step' && data.status === 'running' ? `${data.title}…` : '';
      if (event === 'error') alert.textContent = 'That did not work. Please try again.';
      // Without an id it is the end of a process: the run goes on in the next one.
      if (id && ENDS.has(event)) break;
    }
  } catch (error) {
    const isLate = error.status === 409 || error.status === 410;
    alert.textContent = isLate ? 'This question is not open any more.' : error.message;
  }
}

function show({ event_type, event_data }) {
  const { content, buttons = [], question_id } = event_data;
  // What was answered, or followed by a message, is history.
  messages.querySelector('.buttons')?.remove();
  const item = document.createElement('li');
  item.className = event_type.startsWith('comm.user_') ? 'user' : 'assistant';
  const text = document.createElement('p');
  text.textContent =
    event_type === 'comm.user_button_click' ? (texts.get(content) ?? content) : content;
  item.append(text);
  if (buttons.length > 0) item.append(buttonRow(buttons, question_id));
  messages.append(item);
  item.scrollIntoView({ block: 'end' });
}

function buttonRow(buttons, questionId) {
  const row = document.createElement('div');
  row.className = 'buttons';
  for (const { id, text } of buttons) {
    texts.set(id, text);
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.addEventListener('click', () => {
      row.remove();
      // It answers this very question, and nothing that came after it.
      void say({ message: id, event_type: 'comm.user_button_click', answers: questionId });
    });
    row.append(button);
  }
  return row;
}
