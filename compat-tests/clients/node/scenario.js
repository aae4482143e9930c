// node-zookeeper-client: every operation that it has, access lists, transactions, watches, and a session across a restart
// and a crash. Usage: scenario.js host:port

'use strict';

const assert = require('node:assert');
const readline = require('node:readline');
const zookeeper = require('node-zookeeper-client');

const { ACL, CreateMode, Event, Exception, Id, Permission, State } = zookeeper;
const ADDRESS = process.argv[2];
const PATIENCE_MS = 150000;
const SESSION_MS = 60000;
const IMPATIENCE_MS = 5000;
const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

let failed = false;

// Runs one check and prints how it went. Later checks run even after a failure.
async function check(name, body) {
    try {
        await within(body(), name);
        console.log(`PASS ${name}`);
    } catch (error) {
        failed = true;
        console.log(`FAIL ${name}: ${String(error.message).split('\n')[0]}`);
        console.error(error);
    }
}

function within(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`never: ${what}`)), PATIENCE_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Asks for the server to be acted upon; goes on when that is done.
async function ask(wish) {
    console.log(`ASK ${wish}`);
    const { value } = await answers.next();
    assert.equal(value, 'DONE');
}

// Calls a method with a callback at its end. Several results come as a list.
function call(object, method, ...args) {
    return new Promise((resolve, reject) => {
        object[method](...args, (error, ...results) => {
            if (error) {
                reject(error);
            } else {
                resolve(results.length > 1 ? results : results[0]);
            }
        });
    });
}

// The call must fail with this code, and no other.
async function refused(code, object, method, ...args) {
    await assert.rejects(call(object, method, ...args), (error) => {
        assert.equal(error.getCode ? error.getCode() : error, code, `${method}: ${error}`);
        return true;
    });
}

function connect() {
    const client = zookeeper.createClient(ADDRESS, { sessionTimeout: SESSION_MS, spinDelay: 50, retries: 3 });
    const connected = new Promise((resolve) => client.once('connected', () => resolve(client)));
    client.connect();
    return within(connected, 'connected');
}

// A watcher, and the event it is told of, once.
function told() {
    let watcher;
    const event = new Promise((resolve) => {
        watcher = resolve;
    });
    return [watcher, event];
}

function number(buffer) {
    return buffer.readBigInt64BE();
}

async function nodes(zk) {
    assert.equal(await call(zk, 'create', '/n', Buffer.from('one')), '/n');
    let [data, stat] = await call(zk, 'getData', '/n');
    assert.deepEqual([data.toString(), stat.version, stat.dataLength], ['one', 0, 3]);
    assert.equal(number(stat.czxid), number(stat.mzxid));
    stat = await call(zk, 'setData', '/n', Buffer.from('two'), 0);
    assert.equal(stat.version, 1);
    await call(zk, 'create', '/n/\u00e4\u6f22');
    await call(zk, 'create', '/n/b');
    const [children, parent] = await call(zk, 'getChildren', '/n');
    assert.deepEqual([children.sort(), parent.numChildren], [['b', '\u00e4\u6f22'], 2]);
    assert.equal(await call(zk, 'exists', '/nope'), null);
    assert.equal((await call(zk, 'exists', '/n')).cversion, 2);
    await refused(Exception.NODE_EXISTS, zk, 'create', '/n');
    await refused(Exception.NO_NODE, zk, 'create', '/nope/child');
    await refused(Exception.NO_NODE, zk, 'getData', '/nope');
    await refused(Exception.NO_NODE, zk, 'getChildren', '/nope');
    await refused(Exception.NOT_EMPTY, zk, 'remove', '/n');
    await refused(Exception.BAD_VERSION, zk, 'setData', '/n', Buffer.from('x'), 9);
    await refused(Exception.BAD_VERSION, zk, 'remove', '/n/b', 9);
    await call(zk, 'mkdirp', '/n/deep/er/still');
    // The client looks no deeper than one level, and so cannot remove what is below.
    const below = await call(zk, 'listSubTreeBFS', '/n');
    assert.deepEqual(below.sort(), ['/n', '/n/b', '/n/deep', '/n/\u00e4\u6f22']);
    await call(zk, 'remove', '/n/deep/er/still');
    await call(zk, 'remove', '/n/deep/er');
    await call(zk, 'removeRecursive', '/n');
    assert.equal(await call(zk, 'exists', '/n'), null);
}

async function kinds(zk) {
    await call(zk, 'create', '/k');
    const sequential = CreateMode.PERSISTENT_SEQUENTIAL;
    assert.equal(await call(zk, 'create', '/k/a-', sequential), '/k/a-0000000000');
    const name = await call(zk, 'create', '/k/a-', CreateMode.EPHEMERAL_SEQUENTIAL);
    assert.equal(name, '/k/a-0000000001');
    const stat = await call(zk, 'exists', name);
    assert.deepEqual(stat.ephemeralOwner, zk.getSessionId());
    await refused(Exception.NO_CHILDREN_FOR_EPHEMERALS, zk, 'create', `${name}/c`);
    const other = await connect();
    await call(other, 'create', '/k/mine', CreateMode.EPHEMERAL);
    const [watcher, gone] = told();
    await call(zk, 'exists', '/k/mine', watcher);
    other.close();
    assert.equal((await gone).getType(), Event.NODE_DELETED);
    await call(zk, 'removeRecursive', '/k');
}

async function access(zk) {
    const alice = await connect();
    alice.addAuthInfo('digest', Buffer.from('alice:secret'));
    const mine = [new ACL(Permission.ALL, new Id('auth', '')), new ACL(Permission.READ, new Id('world', 'anyone'))];
    await call(alice, 'create', '/acl', Buffer.from('x'), mine);
    assert.equal((await call(zk, 'getData', '/acl'))[0].toString(), 'x');
    await refused(Exception.NO_AUTH, zk, 'setData', '/acl', Buffer.from('y'));
    await refused(Exception.NO_AUTH, zk, 'create', '/acl/c');
    zk.addAuthInfo('digest', Buffer.from('alice:secret'));
    await call(zk, 'setData', '/acl', Buffer.from('y'));
    const [acls, stat] = await call(alice, 'getACL', '/acl');
    assert.deepEqual([acls.length, stat.aversion], [2, 0]);
    const ids = acls.map((acl) => `${acl.permission} ${acl.id.scheme}:${acl.id.id}`).sort();
    assert.equal(ids[0], '1 world:anyone');
    assert.match(ids[1], /^31 digest:alice:.{27}=$/);
    const local = [new ACL(Permission.ALL, new Id('ip', '127.0.0.1'))];
    assert.equal((await call(zk, 'setACL', '/acl', local, 0)).aversion, 1);
    await refused(Exception.BAD_VERSION, zk, 'setACL', '/acl', ACL.OPEN_ACL_UNSAFE, 0);
    await refused(Exception.INVALID_ACL, zk, 'setACL', '/acl', [new ACL(31, new Id('digest', 'nothing'))], -1);
    await call(zk, 'remove', '/acl');
    alice.close();
}

async function transactions(zk) {
    const data = Buffer.from('x');
    const results = await call(
        zk.transaction().create('/t').create('/t/a', data).setData('/t', data).check('/t', 1).remove('/t/a'),
        'commit');
    assert.deepEqual(results.map((result) => result.type), [1, 1, 5, 13, 2]);
    assert.equal(results[0].path, '/t');
    const failing = zk.transaction().create('/t/b').check('/t', 9).remove('/t');
    const outcome = await new Promise((resolve) => {
        failing.commit((error, list) => resolve([error.getCode(), list.map((result) => result.err)]));
    });
    assert.deepEqual(outcome, [Exception.BAD_VERSION, [0, Exception.BAD_VERSION, Exception.RUNTIME_INCONSISTENCY]]);
    assert.equal(await call(zk, 'exists', '/t/b'), null);
    await call(zk, 'remove', '/t');
}

async function watches(zk) {
    const other = await connect();
    const expected = [];
    const watch = async (method, path, type) => {
        const [watcher, event] = told();
        await call(zk, method, path, watcher);
        expected.push(event.then((seen) => assert.deepEqual([seen.getType(), seen.getPath()], [type, path])));
    };
    await watch('exists', '/w', Event.NODE_CREATED);
    await call(other, 'create', '/w');
    await watch('getData', '/w', Event.NODE_DATA_CHANGED);
    await call(other, 'setData', '/w', Buffer.from('x'));
    await watch('getChildren', '/w', Event.NODE_CHILDREN_CHANGED);
    await call(other, 'create', '/w/c');
    await watch('exists', '/w/c', Event.NODE_DELETED);
    await call(other, 'remove', '/w/c');
    await call(other, 'remove', '/w');
    await Promise.all(expected);
    other.close();
}

// The session, its watches and its ephemeral nodes outlive the server.
async function outage(zk, wish) {
    const id = zk.getSessionId();
    const path = `/out-${wish}`;
    await call(zk, 'create', path, Buffer.from('kept'));
    await call(zk, 'create', `${path}/mine`, CreateMode.EPHEMERAL);
    const [watcher, changed] = told();
    await call(zk, 'getData', path, watcher);
    const [childWatcher, child] = told();
    await call(zk, 'getChildren', path, childWatcher);
    const back = new Promise((resolve) => {
        zk.once('disconnected', () => zk.once('connected', resolve));
    });
    await ask(wish);
    // Apache's server may never answer who reaches it while it starts, and this client would wait for ever.
    const impatience = setInterval(() => zk.connectionManager.socket.destroy(), IMPATIENCE_MS);
    await back;
    clearInterval(impatience);
    assert.equal(zk.getState(), State.SYNC_CONNECTED);
    assert.deepEqual(zk.getSessionId(), id);
    assert.equal((await call(zk, 'getData', path))[0].toString(), 'kept');
    assert.deepEqual((await call(zk, 'exists', `${path}/mine`)).ephemeralOwner, id);
    await call(zk, 'setData', path, Buffer.from('after'));
    assert.equal((await changed).getType(), Event.NODE_DATA_CHANGED);
    await call(zk, 'create', `${path}/child`);
    assert.equal((await child).getType(), Event.NODE_CHILDREN_CHANGED);
    await call(zk, 'removeRecursive', path);
}

async function main() {
    const zk = await connect();
    await check('session', async () => {
        assert.equal(zk.getSessionTimeout(), SESSION_MS);
        assert.equal(zk.getSessionPassword().length, 16);
    });
    await check('nodes', () => nodes(zk));
    await check('kinds of nodes', () => kinds(zk));
    await check('access lists', () => access(zk));
    await check('transactions', () => transactions(zk));
    await check('watches', () => watches(zk));
    await check('a restart', () => outage(zk, 'restart'));
    await check('a crash', () => outage(zk, 'kill'));
    await check('close', async () => {
        await call(zk, 'create', '/last', CreateMode.EPHEMERAL);
        const other = await connect();
        const [watcher, gone] = told();
        await call(other, 'exists', '/last', watcher);
        zk.close();
        assert.equal((await gone).getType(), Event.NODE_DELETED);
        other.close();
    });
    process.exit(failed ? 1 : 0);
}

main();
