// Orders under load: k6 run --vus 1000 --duration 10s test/k6/submitOrder.js
//                    k6 run -u 1000 -i 100000 test/k6/submitOrder.js
//
// FLOW=submit  the answer tells the outcome: confirmed, running, or refused (the default)
// FLOW=notify  the order is accepted into the queue
// COUNT        units per order, 1
// COUPON_ID    the coupon to use, 0 for none
// The rest of the settings stands in shop.js.

import { fail } from 'k6';
import { AMOUNT, PRODUCT_ID, buyer, count, offer, post } from './shop.js';

export { options } from './shop.js';

const FLOWS = {
  submit: { path: '/api/v1/order/submit', done: 'confirmed' },
  notify: { path: '/api/v1/order/sendSubmitNotify', done: 'accepted' },
};
const flow = FLOWS[__ENV.FLOW || 'submit'];

export function setup() {
  if (!flow) {
    fail(`FLOW=${__ENV.FLOW}: choose one of ${Object.keys(FLOWS).join(', ')}`);
  }
  offer();
}

export default function () {
  const order = {
    userID: buyer(),
    productID: PRODUCT_ID,
    productCount: Number(__ENV.COUNT || 1),
    amount: AMOUNT,
    couponID: Number(__ENV.COUPON_ID || 0),
  };
  count(post(flow.path, order), flow.done);
}
