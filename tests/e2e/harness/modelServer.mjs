// A model server that speaks as OpenAI's does and answers from a script.
import { createServer } from 'node:http';

/**
 * Starts a server on loopback. `script` gets the parsed request and returns the steps of the answer: objects
 * `{ text }` or `{ call: { name, arguments } }`. Without a `key` it wants none; `port` 0 is any; `pages` are further
 * answers by path. `requests` keeps every request with its headers.
 */
export async function startModelServer({ key, model, script, port = 0, pages = {} }) {
  const requests = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const parsed = body === '' ? undefined : JSON.parse(body);
      requests.push({ path: request.url, headers: request.headers, body: parsed });
      if (request.url in pages) {
        reply(response, 200, pages[request.url]);
      } else if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
        reply(response, 401, {
          error: { message: 'Incorrect API key provided.', type: 'invalid_request_error', code: 'invalid_api_key' },
        });
      } else if (request.url === '/v1/models') {
        reply(response, 200, { object: 'list', data: [{ id: model, object: 'model' }] });
      } else if (request.url === '/v1/chat/completions' && parsed?.model !== model) {
        reply(response, 404, {
          error: { message: `The model '${parsed?.model}' does not exist.`, code: 'model_not_found' },
        });
      } else if (request.url === '/v1/chat/completions') {
        complete(response, parsed, script(parsed));
      } else {
        reply(response, 404, { error: { message: 'Not found.' } });
      }
    });
  });
  await new Promise((done, failed) => {
    server.once('error', failed).listen(port, '127.0.0.1', done);
  });
  return {
    requests,
    chats: () => requests.filter((request) => request.path === '/v1/chat/completions'),
    address: `http://127.0.0.1:${server.address().port}/v1`,
    stop: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(done);
      }),
  };
}

function reply(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** The fragments of an answer: text word by word, arguments of calls in pieces of seven characters. */
function* fragments(steps) {
  yield { role: 'assistant', content: '' };
  let index = 0;
  for (const { text, call } of steps) {
    if (text !== undefined) for (const word of text.match(/\S+\s*/g) ?? []) yield { content: word };
    if (call !== undefined) {
      const tool = {
        index,
        id: `call_${Date.now()}_${index}`,
        type: 'function',
        function: { name: call.name, arguments: '' },
      };
      yield { tool_calls: [tool] };
      for (const piece of JSON.stringify(call.arguments).match(/[^]{1,7}/g)) {
        yield { tool_calls: [{ index, function: { arguments: piece } }] };
      }
      index += 1;
    }
  }
}

function complete(response, request, steps) {
  const usage = {
    prompt_tokens: 321,
    completion_tokens: 45,
    total_tokens: 366,
    prompt_tokens_details: { cached_tokens: 128 },
  };
  const frame = (delta, finish) => ({
    id: 'chatcmpl-test',
    object: 'chat.completion.chunk',
    created: Math.floor(Date.now() / 1000),
    model: request.model,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const finish = steps.some((step) => step.call !== undefined) ? 'tool_calls' : 'stop';
  if (request.stream !== true) {
    const text = steps.map((step) => step.text ?? '').join('');
    const calls = steps
      .filter((step) => step.call)
      .map(({ call }, index) => ({
        id: `call_${index}`,
        type: 'function',
        function: { name: call.name, arguments: JSON.stringify(call.arguments) },
      }));
    const message = { role: 'assistant', content: text, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
    reply(response, 200, {
      id: 'chatcmpl-test',
      object: 'chat.completion',
      model: request.model,
      choices: [{ index: 0, message, finish_reason: finish }],
      usage,
    });
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = (body) => response.write(`data: ${JSON.stringify(body)}\n\n`);
  for (const delta of fragments(steps)) send(frame(delta, null));
  send(frame({}, finish));
  if (request.stream_options?.include_usage === true) send({ ...frame({}, null), choices: [], usage });
  response.end('data: [DONE]\n\n');
}
