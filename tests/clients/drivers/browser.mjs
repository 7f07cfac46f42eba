#!/usr/bin/env node
// Somebody with a browser, as far as logging in needs one: follows redirects, keeps cookies, fills
// in the forms it is shown with IDENTITY and a password, and sends them, until a page has none.
//
//     IDENTITY=you@example.com browser.mjs URL
const cookies = new Map();

const send = async (url, options = {}) => {
  const host = new URL(url).host;
  const jar = cookies.get(host) ?? new Map();
  cookies.set(host, jar);
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = { ...options.headers, ...(cookie ? { cookie } : {}) };
  const answer = await fetch(url, { ...options, headers, redirect: 'manual' });
  for (const line of answer.headers.getSetCookie()) {
    const [pair] = line.split(';');
    const at = pair.indexOf('=');
    jar.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return answer;
};

// The page at the end of all redirects, and where it is.
const open = async (url, options) => {
  let answer = await send(url, options);
  for (let count = 0; answer.status >= 300 && answer.status < 400; count += 1) {
    if (count === 20) throw new Error(`too many redirects at ${url}`);
    url = new URL(answer.headers.get('location'), url).href;
    answer = await send(url);
  }
  if (!answer.ok) throw new Error(`${url}: ${answer.status}: ${await answer.text()}`);
  return [url, await answer.text()];
};

const attribute = (tag, name) => tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1];

let [url, page] = await open(process.argv[2]);
for (let count = 0; count < 5; count += 1) {
  const form = page.match(/<form[^>]*method="post"[\s\S]*?<\/form>/i)?.[0];
  if (!form) break;
  const fields = new URLSearchParams();
  for (const [input] of form.matchAll(/<input[^>]*>/g)) {
    const name = attribute(input, 'name');
    if (!name) continue;
    const filled = { login: process.env.IDENTITY, password: 'any' };
    fields.set(name, filled[name] ?? attribute(input, 'value') ?? '');
  }
  const action = new URL(attribute(form, 'action'), url).href;
  [url, page] = await open(action, { method: 'POST', body: fields });
}
