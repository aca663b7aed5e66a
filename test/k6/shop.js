// What the load scripts share: where the shop is, who buys, and what each kind of answer is counted as.
//
// BASE_URL    the gateway, http://127.0.0.1:8080 unless told otherwise
// PRODUCT_ID  the product that is bought, 1
// STOCK       units to offer before the run, set through setFlashSale; unset leaves the stock as it is
// LIMIT       units per user of that sale; 0 (no limit)
// USERS       number of different buyers, taken in turn, 100000; USER_ID names a single one instead
// AMOUNT      cents to pay, 100
// PRODUCTS    number of products bought in turn, from PRODUCT_ID on, 1
// MARKS       set to anything: the log says when the load begins and ends

import http from 'k6/http';
import exec from 'k6/execution';
import { fail } from 'k6';
import { Counter } from 'k6/metrics';

export const BASE_URL = __ENV.BASE_URL || 'http://127.0.0.1:8080';
export const PRODUCT_ID = Number(__ENV.PRODUCT_ID || 1);
export const AMOUNT = Number(__ENV.AMOUNT || 100);
const USERS = Number(__ENV.USERS || 100000);
const PRODUCTS = Number(__ENV.PRODUCTS || 1);
const SOLD_OUT = '"code":30023';
// Answers that anybody may get; answers that nobody may get.
const OPEN = ['running', 'busy', 'failures'];
const BAD = ['wrong', 'failures'];

// How requests were answered. A failure is any other status, a broken envelope, no answer at all; a wrong answer is a
// clean one that was not this caller's.
const counted = {
  confirmed: new Counter('confirmed'),
  accepted: new Counter('accepted'),
  running: new Counter('running'),
  listed: new Counter('listed'),
  echoed: new Counter('echoed'),
  sold_out: new Counter('sold_out'),
  refused: new Counter('refused'),
  busy: new Counter('busy'),
  wrong: new Counter('wrong'),
  failures: new Counter('failures'),
};

// Users and iterations come from the command line: k6 run --vus 1000 --duration 10s, k6 run -u 1000 -i 100000.
export const options = {
  thresholds: { failures: ['count==0'], wrong: ['count==0'] },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
  // Each tag of a request costs time and memory that the shop on the same machine lacks.
  systemTags: ['name', 'status', 'error_code', 'scenario'],
};

// A refusal and a busy shop are clean answers, so they don't count as failed requests.
const answered = http.expectedStatuses(200, 409, 429, 503);
const params = { headers: { 'Content-Type': 'application/json' }, responseCallback: answered };

export function post(path, body, name) {
  return http.post(BASE_URL + path, JSON.stringify(body), { ...params, tags: { name: name || path } });
}

// `blind` drops the body, where the status says enough.
export function get(path, name, blind) {
  const extra = blind ? { responseType: 'none' } : {};
  return http.get(BASE_URL + path, { ...params, ...extra, tags: { name: name || path } });
}

// Says when the load begins and ends, for a program that reads the log. Call it last in setup() and from teardown().
export function mark(moment) {
  if (__ENV.MARKS) {
    console.log(`load ${moment}`);
  }
}

// The setup and teardown of every script.
export function open() {
  offer();
  mark('began');
}

export function close() {
  mark('ended');
}

// Sets the stock when STOCK asks for it.
function offer() {
  if (__ENV.STOCK === undefined) {
    return;
  }
  const sale = { productID: PRODUCT_ID, stock: Number(__ENV.STOCK), perUserLimit: Number(__ENV.LIMIT || 0) };
  const response = post('/api/v1/stock/setFlashSale', sale);
  if (response.status !== 200) {
    fail(`the stock can't be set: ${response.status} ${response.body}`);
  }
}

// The buyer of this iteration.
export function buyer() {
  return __ENV.USER_ID ? Number(__ENV.USER_ID) : 1 + (exec.scenario.iterationInTest % USERS);
}

// The product that this iteration buys.
export function product() {
  return PRODUCT_ID + (PRODUCTS > 1 ? exec.scenario.iterationInTest % PRODUCTS : 0);
}

// Counts an answer; `done` is what an answer of 200 means unless it says running. Where `expected` is given, any other
// clean answer is wrong.
export function count(response, done, expected) {
  const answer = kindOf(response, done);
  const kind = expected && !OPEN.includes(answer) && answer !== expected ? 'wrong' : answer;
  counted[kind].add(1);
  if (BAD.includes(kind) && __ENV.SHOW) {
    console.error(`${response.status} ${response.error} ${String(response.body).slice(0, 200)}`);
  }
  return kind;
}

function kindOf(response, done) {
  const body = response.body;
  switch (response.status) {
    case 200:
      if (body === null) {
        return done; // asked for without it
      }
      if (!body.startsWith('{"code":0,')) {
        return body.includes(SOLD_OUT) ? 'sold_out' : 'failures';
      }
      return body.includes('"status":"running"') ? 'running' : done;
    case 409:
      return body.includes(SOLD_OUT) ? 'sold_out' : 'refused';
    case 429:
    case 503:
      return 'busy';
    default:
      return 'failures';
  }
}
