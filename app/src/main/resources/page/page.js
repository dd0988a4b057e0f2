// What htmx does not do by itself: problems, a lost network, a file's text with its progress, and a way back from a deletion.
const UNDO = 8000; // ms
const problem = document.getElementById('problem');
const undo = document.getElementById('undo');
let passing = false; // whether what is said goes away by itself

function say(text) {
  const line = document.createElement('p');
  line.textContent = text;
  problem.replaceChildren(...(text ? [line] : []));
  passing = false;
}

function sayProblem(xhr) {
  let said;
  try {
    said = JSON.parse(xhr.responseText);
  } catch {
    said = {title: `The service answered ${xhr.status}`, detail: 'Try again in a moment.'};
  }
  say([`${said.title}.`, said.detail, said.requestId && `Request ${said.requestId}`].filter(Boolean).join(' '));
}

const isPolling = event => event.detail.requestConfig?.headers['X-Polling'];

document.addEventListener('htmx:beforeRequest', event => {
  if (!isPolling(event)) say('');
});
document.addEventListener('htmx:responseError', event => {
  sayProblem(event.detail.xhr);
  passing = isPolling(event);
});
for (const name of ['htmx:sendError', 'htmx:timeout']) {
  document.addEventListener(name, () => {
    say('The service cannot be reached.');
    passing = true;
    tryAgain();
  });
}
document.addEventListener('htmx:afterRequest', event => {
  if (event.detail.successful && passing) say('');
});

function tryAgain() {
  setTimeout(async () => {
    const answer = await fetch('/page/sign-in').catch(() => null);
    if (!passing) return;
    if (answer?.ok) say('');
    else tryAgain();
  }, 2000);
}

// A file goes up as its text.
function fileInput(form) {
  return form.matches('form') ? form.querySelector('input[type=file]') : null;
}

document.addEventListener('htmx:confirm', event => {
  const form = event.target;
  const input = fileInput(form);
  const file = input?.files[0];
  if (!file) return;
  event.preventDefault();
  const largest = input.dataset.largest;
  const refuse = size => say(
    `The file is too large. It has ${(size / 1e6).toFixed(1)} MB on its way, and ${largest / 1e6} MB are accepted: send less at once.`);
  if (file.size > largest) {
    refuse(file.size);
    return;
  }
  file.text().then(text => {
    const size = encodeURIComponent(text).length; // A comma and a new line become three characters.
    if (size > largest) {
      refuse(size);
      return;
    }
    form.text = text;
    event.detail.issueRequest(true);
  }, () => say('The file cannot be read. Choose it again.'));
});
document.addEventListener('htmx:configRequest', event => {
  const input = fileInput(event.target);
  if (input) event.detail.parameters.set(input.name, input.files.length ? event.target.text : '');
});
document.addEventListener('htmx:xhr:progress', event => {
  const progress = event.target.querySelector?.('progress');
  if (!progress || !event.detail.lengthComputable) return;
  progress.hidden = false;
  progress.value = event.detail.loaded / event.detail.total;
});
document.addEventListener('htmx:afterRequest', event => {
  const progress = event.target.querySelector('progress');
  if (progress) progress.hidden = true;
});

// A deletion is sent once it can no longer be taken back; who leaves the page before has deleted nothing.
const deleted = new Set();

function hideDeleted() {
  for (const row of document.querySelectorAll('[data-id]')) row.hidden = deleted.has(row.dataset.id);
}

function askForDeletion(button) {
  const {delete: path, name, then} = button.dataset;
  const id = button.closest('[data-id]').dataset.id;
  const line = document.createElement('p');
  const back = document.createElement('button');
  back.type = 'button';
  back.textContent = 'Undo';
  line.append(`${name} is deleted. `, back);
  const end = () => {
    line.remove();
    deleted.delete(id);
  };
  const timer = setTimeout(() => htmx.ajax('DELETE', path, {source: document.body, swap: 'none'}).catch(() => {}).then(() => {
    // What was refused is shown again, with the problem.
    const row = document.querySelector(`[data-id="${id}"]`);
    end();
    if (problem.hasChildNodes()) hideDeleted();
    else if (then) location.assign(then);
    else row?.remove();
  }), UNDO);
  back.addEventListener('click', () => {
    clearTimeout(timer);
    end();
    hideDeleted();
    document.getElementById(button.id)?.focus();
  });
  deleted.add(id);
  hideDeleted();
  undo.append(line);
  back.focus();
}

document.addEventListener('click', event => {
  const button = event.target.closest('[data-delete]');
  if (button) askForDeletion(button);
});
document.addEventListener('htmx:afterSwap', hideDeleted);
