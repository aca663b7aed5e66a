// A flash sale under load: k6 run --vus 10000 --duration 1s test/k6/flashSale.js
//
// STOCK=1000 sets the sale first; the settings stand in shop.js.

import { AMOUNT, PRODUCT_ID, buyer, count, offer, post } from './shop.js';

export { options } from './shop.js';

export function setup() {
  offer();
}

export default function () {
  count(post('/api/v1/flashSale', { userID: buyer(), productID: PRODUCT_ID, amount: AMOUNT }), 'accepted');
}
