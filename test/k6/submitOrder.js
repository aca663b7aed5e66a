// Orders under load: k6 run --vus 1000 --duration 10s test/k6/submitOrder.js
//                    k6 run -u 1000 -i 100000 test/k6/submitOrder.js
//
// FLOW=submit  the answer tells the outcome: confirmed, running, or refused (the default)
// FLOW=notify  the order is accepted into the queue
// COUNT        units per order, 1
// COUPON_ID    the coupon to use, 0 for none
// BAD_COUPON_ID, BAD_PRODUCT_ID
//              a coupon nobody here may use, a product that is sold out: with both, every twentieth order asks for
//              the one and every twentieth for the other, and an answer that is not the caller's own counts as wrong
// The rest of the settings stands in shop.js.

import { fail } from 'k6';
import exec from 'k6/execution';
import { AMOUNT, buyer, count, open, post, product } from './shop.js';

export { options, close as teardown } from './shop.js';

const FLOWS = {
  submit: { path: '/api/v1/order/submit', done: 'confirmed' },
  notify: { path: '/api/v1/order/sendSubmitNotify', done: 'accepted' },
};
const flow = FLOWS[__ENV.FLOW || 'submit'];
const UNITS = Number(__ENV.COUNT || 1);
const COUPON_ID = Number(__ENV.COUPON_ID || 0);
const BAD_COUPON_ID = Number(__ENV.BAD_COUPON_ID || 0);
const BAD_PRODUCT_ID = Number(__ENV.BAD_PRODUCT_ID || 0);

export function setup() {
  if (!flow) {
    fail(`FLOW=${__ENV.FLOW}: choose one of ${Object.keys(FLOWS).join(', ')}`);
  }
  open();
}

export default function () {
  const [order, answer] = next();
  count(post(flow.path, order), flow.done, answer);
}

// The order of this iteration, and the only answer besides running and busy that may come, where it is known.
function next() {
  const order = { userID: buyer(), productID: product(), productCount: UNITS, amount: AMOUNT, couponID: COUPON_ID };
  if (!BAD_COUPON_ID || !BAD_PRODUCT_ID) {
    return [order, undefined];
  }
  switch (exec.scenario.iterationInTest % 20) {
    case 7:
      return [{ ...order, couponID: BAD_COUPON_ID }, 'refused'];
    case 17:
      return [{ ...order, productID: BAD_PRODUCT_ID }, 'sold_out'];
    default:
      return [order, flow.done];
  }
}
