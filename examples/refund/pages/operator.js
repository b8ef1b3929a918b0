import { JimsClient } from './jims-client.js';

const LOOK_EVERY_MS = 1000;

const jims = new JimsClient();
const list = document.querySelector('.questions');
const empty = document.querySelector('.empty');
const decided = document.querySelector('.decided');
const status = document.querySelector('[role=status]');
const alert = document.querySelector('[role=alert]');
const template = document.querySelector('#question');

/** The questions that are shown, by their ids. */
const shown = new Map();

for (;;) {
  await look();
  await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}

async function look() {
  try {
    const query = { audience: 'service', state: 'open' };
    const { questions } = await jims.request('/api/v1/questions', { query, onLost: away });
    update(questions.filter(({ name }) => name === 'approve refund'));
    status.textContent = '';
  } catch {
    away();
  }
}

/** Leaves what is there as it is: somebody may be writing a note. */
function update(questions) {
  const open = new Set(questions.map(({ question_id }) => question_id));
  for (const [id, item] of shown) {
    if (open.has(id) || item.classList.contains('sent')) continue;
    remove(id);
  }
  for (const question of questions) {
    if (shown.has(question.question_id)) continue;
    const item = itemOf(question);
    shown.set(question.question_id, item);
    list.append(item);
  }
  empty.hidden = shown.size > 0;
}

function itemOf(question) {
  const { data, contact_id, asked_at } = question;
  const item = template.content.cloneNode(true).firstElementChild;
  item.querySelector('strong').textContent = data.item;
  item.querySelector('.amount').textContent = `€${data.eur}`;
  const at = new Date(asked_at).toLocaleString();
  item.querySelector('.hint').textContent = `Order ${data.orderId} of ${contact_id}, ${at}`;
  const note = item.querySelector('input');
  const decide = (approved) => {
    const written = note.value.trim();
    const value = { approved, ...(written !== '' && { note: written }) };
    void answer({ question, item, value });
  };
  item.querySelector('.approve').addEventListener('click', () => decide(true));
  item.querySelector('.refuse').addEventListener('click', () => decide(false));
  return item;
}

/** Answers the question, waits for what the app makes of it, and shows what the customer reads. */
async function answer({ question, item, value }) {
  alert.textContent = '';
  item.classList.add('sent');
  for (const control of item.querySelectorAll('button, input')) control.disabled = true;
  const { data, question_id } = question;
  try {
    // Sent until it arrives; the key makes all of them one.
    const run = await jims.request(`/api/v1/questions/${question_id}/answer`, {
      body: { value },
      key: crypto.randomUUID(),
      tries: Infinity,
      onLost: away,
    });
    remove(question_id);
    const line = document.createElement('li');
    const verdict = `Order ${data.orderId}: ${value.approved ? 'approved' : 'refused'}.`;
    line.textContent = `${verdict} The app goes on…`;
    decided.prepend(line);
    document.querySelector('h2').hidden = false;
    line.textContent = `${verdict} ${await outcomeOf(run)}`;
  } catch (error) {
    remove(question_id);
    // Another operator was faster, or the customer did not want to wait.
    const isLate = error.status === 409 || error.status === 410;
    alert.textContent = isLate ? `Order ${data.orderId} is decided already.` : error.message;
  }
}

async function outcomeOf({ run_id }) {
  for (;;) {
    const call = { query: { wait: 20 }, tries: Infinity, onLost: away };
    const run = await jims.request(`/api/v1/runs/${run_id}`, call);
    if (run.status === 'completed') return run.result.assistant_messages.join(' ');
    if (run.status === 'failed' || run.status === 'cancelled') return run.error.detail;
  }
}

function remove(questionId) {
  shown.get(questionId)?.remove();
  shown.delete(questionId);
  empty.hidden = shown.size > 0;
}

function away() {
  status.textContent = 'The service is away. Trying again…';
}
