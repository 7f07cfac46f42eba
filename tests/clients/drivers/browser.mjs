// Somebody with a browser without a window, who logs in: npm's `playwright-core` opens the page,
// types IDENTITY and a password, agrees, and waits until the browser is sent back to this machine.
//
//     IDENTITY=you@example.com browser.mjs FOLDER_OF_PACKAGES CHROMIUM URL
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, executablePath, url] = process.argv.slice(2);
const library = path.join(packages, 'node_modules/playwright-core/index.mjs');
const { chromium } = await import(pathToFileURL(library));

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic'];
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage();
await page.goto(url);
await page.fill('input[name=login]', process.env.IDENTITY);
await page.fill('input[name=password]', 'any');
await page.click('button[type=submit]');
// The second page has no field: it asks whether the client may know who this is.
await page.waitForSelector('input[name=login]', { state: 'detached' });
await page.click('button[type=submit]');
await page.waitForURL(/^http:\/\/localhost:/);
await browser.close();
