// Open pages in Firefox, as test_site.py asks; print as JSON what was seen and heard.
//
//     node firefox.mjs PUPPETEER FIREFOX ADDRESS GIVEN PAGE...
//
// PUPPETEER is the folder of puppeteer-core, which speaks WebDriver BiDi to the browser;
// GIVEN is JSON: a text to go on with, as the figures of the first page do.
import {createRequire} from 'node:module';

const [folder, firefox, address, given, ...pages] = process.argv.slice(2);
const puppeteer = createRequire(import.meta.url)(folder);
const browser = await puppeteer.launch({browser: 'firefox', executablePath: firefox});

async function look(name) {
  const page = await browser.newPage();
  const wrong = [];
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !/^(data|blob):/.test(url))
      wrong.push(`asked for ${url}`);
  });
  await page.goto(`${address}/${name}.html`);
  await page.$eval('.course-live', (figure) => figure.scrollIntoView());
  await page.waitForSelector('.course-live[data-state]', {timeout: 60000});
  const state = await page.$eval('.course-live', (figure) => figure.dataset.state);
  return {page, state, wrong};
}

const seen = {};
let written = null;
for (const name of pages) {
  const {page, state, wrong} = await look(name);
  written ??= await page.evaluate(async (question) => {
    const {ask} = await import('./_static/course/engine/client.js');
    return ask('greedy', question);
  }, JSON.parse(given));
  seen[name] = {state, wrong};
  await page.close();
}
await browser.close();
console.log(JSON.stringify({seen, written}));
