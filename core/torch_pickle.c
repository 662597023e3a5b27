/* SPDX-License-Identifier: Apache-2.0 */
#include "core/torch_pickle_impl.h"

#include <string.h>

#include "core/mem.h"

/* A real state_dict needs some ten thousand values; the bound keeps a hostile file from eating the memory. */
enum { MAX_VALUES = 1 << 20 };

static rf_status bad(const rf_pickle *p, const char *what) {
    rf_fail(RF_ERR_FORMAT, "%s: the pickled data is damaged at its byte %zu: %s", p->path, p->at, what);
    return RF_ERR_FORMAT;
}

/* Room for one more item. */
static rf_status reserve(void **items, size_t used, size_t *capacity, size_t size) {
    if (used < *capacity) return RF_OK;
    size_t wanted = *capacity ? 2 * *capacity : 1024;
    void *grown = rf_realloc(*items, *capacity, wanted, size);
    if (!grown) return RF_ERR_NOMEM;
    *items = grown;
    *capacity = wanted;
    return RF_OK;
}

static rf_status push_index(rf_pickle *p, size_t index) {
    if (p->depth >= MAX_VALUES) return bad(p, "too many objects");
    RF_TRY(reserve((void **)&p->stack, p->depth, &p->cap_stack, sizeof *p->stack));
    p->stack[p->depth++] = index;
    return RF_OK;
}

static rf_status push(rf_pickle *p, rf_pickle_value value) {
    if (p->n_values >= MAX_VALUES) return bad(p, "too many objects");
    RF_TRY(reserve((void **)&p->values, p->n_values, &p->cap_values, sizeof *p->values));
    p->values[p->n_values] = value;
    return push_index(p, p->n_values++);
}

static rf_status push_type(rf_pickle *p, rf_pickle_type type) {
    return push(p, (rf_pickle_value){.type = type});
}

static rf_status push_int(rf_pickle *p, int64_t integer) {
    return push(p, (rf_pickle_value){.type = RF_PICKLE_INT, .integer = integer});
}

static rf_status pop(rf_pickle *p, size_t *index) {
    if (p->depth == 0) return bad(p, "an operand is missing");
    *index = p->stack[--p->depth];
    return RF_OK;
}

static rf_status append(rf_pickle *p, size_t container, size_t item) {
    if (p->n_cells >= 2 * (size_t)MAX_VALUES) return bad(p, "too many items");
    RF_TRY(reserve((void **)&p->cells, p->n_cells, &p->cap_cells, sizeof *p->cells));
    p->cells[p->n_cells++] = (rf_pickle_cell){item, 0};
    rf_pickle_value *v = &p->values[container];
    if (v->last)
        p->cells[v->last - 1].next = p->n_cells;
    else
        v->first = p->n_cells;
    v->last = p->n_cells;
    v->n++;
    return RF_OK;
}

/* Little-endian unsigned number of n <= 8 bytes. */
static rf_status number(rf_pickle *p, size_t n, uint64_t *out) {
    if (p->size - p->at < n) return bad(p, "it ends in the middle of an instruction");
    *out = 0;
    for (size_t i = 0; i < n; i++) *out |= (uint64_t)p->data[p->at + i] << (8 * i);
    p->at += n;
    return RF_OK;
}

static rf_status text(rf_pickle *p, size_t length_bytes) {
    uint64_t n;
    RF_TRY(number(p, length_bytes, &n));
    if (n > p->size - p->at) return bad(p, "a text is longer than the file");
    p->at += n;
    return push(p, (rf_pickle_value){.type = RF_PICKLE_TEXT, .text = p->data + p->at - n, .bytes = n});
}

static rf_status integer(rf_pickle *p, size_t n, bool is_signed) {
    uint64_t u;
    RF_TRY(number(p, n, &u));
    if (is_signed && n > 0 && n < 8 && (u >> (8 * n - 1) & 1)) u |= UINT64_MAX << (8 * n);
    return push_int(p, (int64_t)u);
}

static rf_status long_integer(rf_pickle *p) {
    uint64_t n;
    RF_TRY(number(p, 1, &n));
    if (n <= 8) return integer(p, n, true);
    if (n > p->size - p->at) return bad(p, "it ends in the middle of an instruction");
    p->at += n;
    return push_type(p, RF_PICKLE_OPAQUE);
}

static rf_status skip(rf_pickle *p, size_t n) {
    if (p->size - p->at < n) return bad(p, "it ends in the middle of an instruction");
    p->at += n;
    return RF_OK;
}

/* No floating-point number of the pickle is wanted: those of tensors lie in storages. */
static rf_status real(rf_pickle *p) {
    RF_TRY(skip(p, 8));
    return push_type(p, RF_PICKLE_OPAQUE);
}

/* Position on the stack just above the topmost mark. */
static rf_status find_mark(rf_pickle *p, size_t *above) {
    for (size_t i = p->depth; i > 0; i--)
        if (p->values[p->stack[i - 1]].type == RF_PICKLE_MARK) {
            *above = i;
            return RF_OK;
        }
    return bad(p, "a mark is missing");
}

/* Moves the stack's items from `begin` up into the container and drops them. */
static rf_status gather(rf_pickle *p, size_t begin, size_t container) {
    for (size_t i = begin; i < p->depth; i++) RF_TRY(append(p, container, p->stack[i]));
    p->depth = begin;
    return RF_OK;
}

/* The last n items become a list. */
static rf_status tuple(rf_pickle *p, size_t n) {
    if (p->depth < n) return bad(p, "an operand is missing");
    RF_TRY(push_type(p, RF_PICKLE_LIST));
    size_t list = p->stack[--p->depth];
    RF_TRY(gather(p, p->depth - n, list));
    return push_index(p, list);
}

/* Everything above the mark becomes a list or dictionary. */
static rf_status collect(rf_pickle *p, rf_pickle_type type) {
    size_t above;
    RF_TRY(find_mark(p, &above));
    if (type == RF_PICKLE_DICT && (p->depth - above) % 2) return bad(p, "a key has no value");
    RF_TRY(push_type(p, type));
    size_t container = p->stack[--p->depth];
    RF_TRY(gather(p, above, container));
    p->depth--;
    return push_index(p, container);
}

/* The items from `begin` up go into the container below them (and below the mark, if there is one). */
static rf_status extend(rf_pickle *p, rf_pickle_type type, bool marked) {
    size_t begin, per_item = type == RF_PICKLE_DICT ? 2 : 1;
    if (marked) {
        RF_TRY(find_mark(p, &begin));
    } else {
        if (p->depth < per_item) return bad(p, "an operand is missing");
        begin = p->depth - per_item;
    }
    size_t below = marked ? begin - 1 : begin;
    if (below == 0) return bad(p, "a container is missing");
    if ((p->depth - begin) % per_item) return bad(p, "a key has no value");
    size_t container = p->stack[below - 1];
    if (p->values[container].type == type) {
        RF_TRY(gather(p, begin, container));
    } else if (p->values[container].type != RF_PICKLE_OPAQUE) {
        return bad(p, "items for something that is no container");
    }
    p->depth = below;
    return RF_OK;
}

static rf_status line(rf_pickle *p, const uint8_t **start, size_t *n) {
    *start = p->data + p->at;
    const uint8_t *end = memchr(*start, '\n', p->size - p->at);
    if (!end) return bad(p, "a name has no end");
    *n = (size_t)(end - *start);
    p->at += *n + 1;
    return RF_OK;
}

static bool same(const uint8_t *bytes, size_t n, const char *word) {
    return n == strlen(word) && memcmp(bytes, word, n) == 0;
}

/* What an attack has its victim call, and no checkpoint ever does. Here it would do nothing, but whoever holds such a
 * file should hear of it before another program opens it. */
static bool hostile(const uint8_t *module, size_t n_module, const uint8_t *name, size_t n_name) {
    static const char *const modules[] = {"os",       "posix",     "nt",         "subprocess", "sys", "socket",
                                          "shutil",   "importlib", "runpy",      "ctypes",     "pty", "commands",
                                          "platform", "pip",       "webbrowser", "marshal"};
    static const char *const functions[] = {"eval", "exec", "compile", "open", "execfile", "apply", "__import__"};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (same(module, n_module, modules[i])) return true;
    if (!same(module, n_module, "builtins") && !same(module, n_module, "__builtin__")) return false;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (same(name, n_name, functions[i])) return true;
    return false;
}

/* The modules whose classes mean something here; the names are told apart where they are used. */
static rf_status push_class(rf_pickle *p, const uint8_t *module, size_t n_module, const uint8_t *name, size_t n_name) {
    if (hostile(module, n_module, name, n_name))
        return rf_fail(RF_ERR_FORMAT, "%s wants to run code from %.*s, as no model does: it is an attack; delete it",
                       p->path, (int)n_module, (const char *)module);
    bool known = same(module, n_module, "collections") || same(module, n_module, "torch") ||
                 same(module, n_module, "torch._utils");
    if (!known) return push_type(p, RF_PICKLE_OPAQUE);
    return push(p, (rf_pickle_value){.type = RF_PICKLE_CLASS, .text = name, .bytes = n_name});
}

static rf_status global(rf_pickle *p) {
    const uint8_t *module, *name;
    size_t n_module, n_name;
    RF_TRY(line(p, &module, &n_module));
    RF_TRY(line(p, &name, &n_name));
    return push_class(p, module, n_module, name, n_name);
}

static rf_status stack_global(rf_pickle *p) {
    size_t name, module;
    RF_TRY(pop(p, &name));
    RF_TRY(pop(p, &module));
    rf_pickle_value m = p->values[module], n = p->values[name];
    if (m.type != RF_PICKLE_TEXT || n.type != RF_PICKLE_TEXT) return bad(p, "a class name is no text");
    return push_class(p, m.text, m.bytes, n.text, n.bytes);
}

/* A class or function is called with arguments: only the three that make up a state_dict have a meaning. */
static rf_status reduce(rf_pickle *p) {
    size_t args, callee;
    RF_TRY(pop(p, &args));
    RF_TRY(pop(p, &callee));
    rf_pickle_value value = p->values[args];
    const rf_pickle_value *what = &p->values[callee];
    if (value.type != RF_PICKLE_LIST) return bad(p, "a call has no arguments");
    if (rf_pickle_is(what, "OrderedDict")) return push_type(p, RF_PICKLE_DICT);
    if (rf_pickle_is(what, "_rebuild_tensor_v2")) {
        value.type = RF_PICKLE_TENSOR;
        return push(p, value);
    }
    if (rf_pickle_is(what, "_rebuild_parameter") && value.n > 0) return push_index(p, p->cells[value.first - 1].value);
    return push_type(p, RF_PICKLE_OPAQUE);
}

static rf_status persistent(rf_pickle *p) {
    size_t id;
    RF_TRY(pop(p, &id));
    rf_pickle_value value = p->values[id];
    if (value.type != RF_PICKLE_LIST) return bad(p, "a storage has no description");
    value.type = RF_PICKLE_STORAGE;
    return push(p, value);
}

/* Remembers the top of the stack under a number. */
static rf_status put(rf_pickle *p, uint64_t index) {
    if (p->depth == 0) return bad(p, "an operand is missing");
    if (index >= MAX_VALUES) return bad(p, "too many objects");
    while (p->n_memo <= index) {
        RF_TRY(reserve((void **)&p->memo, p->n_memo, &p->cap_memo, sizeof *p->memo));
        p->memo[p->n_memo++] = 0;
    }
    p->memo[index] = p->stack[p->depth - 1] + 1;
    return RF_OK;
}

static rf_status get(rf_pickle *p, uint64_t index) {
    if (index >= p->n_memo || p->memo[index] == 0) return bad(p, "an object is used before it is made");
    return push_index(p, p->memo[index] - 1);
}

static rf_status remember(rf_pickle *p, size_t n, bool store) {
    uint64_t index;
    RF_TRY(number(p, n, &index));
    return store ? put(p, index) : get(p, index);
}

/* Drops the top; objects of classes keep what they are when state is set on them. */
static rf_status drop(rf_pickle *p) {
    size_t ignored;
    return pop(p, &ignored);
}

static rf_status stop(rf_pickle *p) {
    p->stopped = true;
    return pop(p, &p->root);
}

/* Instructions that take their operands from the stack and the memo (numbers and letters: Python's pickletools). */
static rf_status step_objects(rf_pickle *p, uint64_t code) {
    switch (code) {
    case '0':
        return drop(p); /* POP */
    case 'b':
        return drop(p); /* BUILD */
    case 't':
        return collect(p, RF_PICKLE_LIST); /* TUPLE */
    case 'l':
        return collect(p, RF_PICKLE_LIST); /* LIST */
    case 'd':
        return collect(p, RF_PICKLE_DICT); /* DICT */
    case 0x85:
        return tuple(p, 1); /* TUPLE1 */
    case 0x86:
        return tuple(p, 2); /* TUPLE2 */
    case 0x87:
        return tuple(p, 3); /* TUPLE3 */
    case 'a':
        return extend(p, RF_PICKLE_LIST, false); /* APPEND */
    case 'e':
        return extend(p, RF_PICKLE_LIST, true); /* APPENDS */
    case 's':
        return extend(p, RF_PICKLE_DICT, false); /* SETITEM */
    case 'u':
        return extend(p, RF_PICKLE_DICT, true); /* SETITEMS */
    case 'c':
        return global(p); /* GLOBAL */
    case 0x93:
        return stack_global(p); /* STACK_GLOBAL */
    case 'R':
        return reduce(p); /* REDUCE */
    case 0x81:
        return reduce(p); /* NEWOBJ */
    case 'Q':
        return persistent(p); /* BINPERSID */
    case 'q':
        return remember(p, 1, true); /* BINPUT */
    case 'r':
        return remember(p, 4, true); /* LONG_BINPUT */
    case 0x94:
        return put(p, p->n_memo); /* MEMOIZE */
    case 'h':
        return remember(p, 1, false); /* BINGET */
    case 'j':
        return remember(p, 4, false); /* LONG_BINGET */
    default:
        p->at--;
        return bad(p, "an instruction that a state_dict does not need");
    }
}

/* One instruction: those that push what follows them in the file, or nothing more than a new object. */
static rf_status step(rf_pickle *p) {
    uint64_t code;
    RF_TRY(number(p, 1, &code));
    switch (code) {
    case 0x80:
        return skip(p, 1); /* PROTO */
    case 0x95:
        return skip(p, 8); /* FRAME */
    case '.':
        return stop(p); /* STOP */
    case '(':
        return push_type(p, RF_PICKLE_MARK); /* MARK */
    case 'N':
        return push_type(p, RF_PICKLE_NONE); /* NONE */
    case 0x88:
        return push(p, (rf_pickle_value){.type = RF_PICKLE_BOOL, .integer = 1});
    case 0x89:
        return push(p, (rf_pickle_value){.type = RF_PICKLE_BOOL});
    case 'K':
        return integer(p, 1, false); /* BININT1 */
    case 'M':
        return integer(p, 2, false); /* BININT2 */
    case 'J':
        return integer(p, 4, true); /* BININT */
    case 0x8a:
        return long_integer(p); /* LONG1 */
    case 'G':
        return real(p); /* BINFLOAT */
    case 'X':
        return text(p, 4); /* BINUNICODE */
    case 'T':
        return text(p, 4); /* BINSTRING */
    case 'B':
        return text(p, 4); /* BINBYTES */
    case 0x8c:
        return text(p, 1); /* SHORT_BINUNICODE */
    case 'U':
        return text(p, 1); /* SHORT_BINSTRING */
    case 'C':
        return text(p, 1); /* SHORT_BINBYTES */
    case ')':
        return push_type(p, RF_PICKLE_LIST); /* EMPTY_TUPLE */
    case ']':
        return push_type(p, RF_PICKLE_LIST); /* EMPTY_LIST */
    case '}':
        return push_type(p, RF_PICKLE_DICT); /* EMPTY_DICT */
    default:
        return step_objects(p, code);
    }
}

rf_status rf_pickle_read(const char *path, const uint8_t *data, size_t size, size_t *used, rf_pickle **out) {
    *out = NULL;
    rf_status status = RF_OK;
    rf_pickle *p = rf_alloc(1, sizeof *p);
    if (!p) return RF_ERR_NOMEM;
    p->path = path;
    p->data = data;
    p->size = size;
    while (!p->stopped) RF_TRY_GOTO(step(p));
    *used = p->at;
    *out = p;
    return RF_OK;
fail:
    rf_pickle_free(p);
    return status;
}
