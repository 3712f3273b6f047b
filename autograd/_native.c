/* The engine in C: the node of a graph, and what is done with every node.

   The specification is Python: `Value` in value.py, `ordered` in graph.py, `run` in backward.py. Each of them stands
   there complete, and this file does the same, bit for bit. It holds no mathematics: "methods.h" is written from the
   table of operations by c_methods.py when this file is built. Whatever happens rarely (messages, contexts, foreign
   numbers, pickles) is left to the Python functions that `connect` is given.

   The interpreter's lock is held throughout, so that a walk or a pass is one step for every other thread. Python code
   runs within a function of this file only where the comment there says so. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef Py_GIL_DISABLED
#error "This file relies on the interpreter's lock. Builds of Python without it run the engine in Python."
#endif

typedef struct Node Node;

typedef struct {
    Node *of;
    double slope; /* d node / d operand */
} Edge;

struct Node {
    PyObject_HEAD
    double data, grad;
    Edge two[2];                /* two operands at most are the rule */
    Edge *more;                 /* the edges from the third operand on, else NULL */
    uint32_t operands;          /* how many */
    uint32_t slopes : 31;       /* how many; not as many only while a user exchanges one of the two */
    uint32_t visited : 1;       /* whether the collector visits it, though it is no object of a subclass */
    union {
        uint64_t mark;          /* of a living node: the walk that came by last */
        Node *next;             /* of a dead one: who is buried after it */
    };
    PyObject *op, *label;       /* str; NULL in what object.__new__ gave */
    PyObject *source;           /* (file, line), or NULL for None */
};

static PyTypeObject *Value;
static PyObject *EMPTY, *CONSTANT; /* "" and "constant" */

/* What `connect` was given: see the end of value.py. */
static struct {
    PyObject *active, *current, *registered, *transient, *number, *argument, *real, *text, *assigned, *watched,
        *refuse_freed, *functions;
} python;

static inline int is_node(PyObject *x) {
    return Py_TYPE(x) == Value || PyType_IsSubtype(Py_TYPE(x), Value);
}

static inline int is_own(PyTypeObject *type) {
    return type == Value || (PyObject *)type == python.transient;
}

static inline Edge *edge(Node *n, uint32_t i) {
    return i < 2 ? &n->two[i] : &n->more[i - 2];
}

/* ---- life and death --------------------------------------------------------------------------------------------- */

#define KEPT 4096
static Node *spare[KEPT]; /* memory of dead nodes, for the next ones */
static int spares;

static Node *fresh(PyTypeObject *type, PyObject *op, double data) {
    Node *n;
    if (spares) {
        n = spare[--spares];
        PyObject_Init((PyObject *)n, type);
    } else if (!(n = PyObject_GC_New(Node, type)))
        return NULL;
    n->data = data;
    n->grad = 0.0;
    n->more = NULL;
    n->operands = n->slopes = n->visited = 0;
    n->mark = 0;
    n->op = Py_NewRef(op);
    n->label = Py_NewRef(EMPTY);
    n->source = NULL;
    return n;
}

static inline Node *constant(double data) {
    return fresh(Value, CONSTANT, data);
}

static void unlink_operands(Node *n) {
    Edge two[2] = {n->two[0], n->two[1]}, *more = n->more;
    uint32_t count = n->operands;
    n->operands = n->slopes = 0;
    n->more = NULL;
    for (uint32_t i = 0; i < count; i++)
        Py_DECREF((PyObject *)(i < 2 ? two[i].of : more[i - 2].of));
    if (more)
        PyMem_Free(more);
}

/* Ten million nodes may hang on one. Those that die while another one is buried wait their turn in a list that runs
   through their own memory, so that nothing recurses and nothing is allocated. */
static Node *dead;
static int burying;

static void Value_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    ((Node *)self)->next = dead;
    dead = (Node *)self;
    if (burying)
        return;
    burying = 1;
    while (dead) {
        Node *n = dead;
        PyTypeObject *type = Py_TYPE(n);
        dead = n->next;
        unlink_operands(n); /* a subclass may have a __del__ */
        Py_XDECREF(n->op);
        Py_XDECREF(n->label);
        Py_XDECREF(n->source);
        if (spares < KEPT && is_own(type))
            spare[spares++] = n;
        else
            PyObject_GC_Del(n);
        Py_DECREF((PyObject *)type);
    }
    burying = 0;
}

/* A node of numbers and text is in no cycle, and the collector need not visit it. It has to where one depends on an
   object of a subclass, which can have attributes, and where a user has linked operands by hand. */
static inline int is_visited(const Node *n) {
    return n->visited || !is_own(Py_TYPE(n));
}

static void have_visited(Node *n) {
    n->visited = 1;
    if (!PyObject_GC_IsTracked((PyObject *)n))
        PyObject_GC_Track(n);
}

static inline void visited_like_operands(Node *n) {
    for (uint32_t i = 0; i < n->operands; i++)
        if (is_visited(edge(n, i)->of)) {
            have_visited(n);
            return;
        }
}

static int Value_traverse(PyObject *self, visitproc visit, void *arg) {
    Node *n = (Node *)self;
    Py_VISIT((PyObject *)Py_TYPE(self));
    for (uint32_t i = 0; i < n->operands; i++)
        Py_VISIT((PyObject *)edge(n, i)->of);
    return 0;
}

static int Value_clear(PyObject *self) {
    unlink_operands((Node *)self);
    return 0;
}

static int set_label(Node *n, PyObject *label) {
    PyObject *text = Py_TYPE(label) == &PyUnicode_Type ? Py_NewRef(label)
                                                       : PyObject_CallFunctionObjArgs(python.text, label, NULL);
    PyObject *old = n->label;
    if (!text)
        return -1;
    n->label = text;
    Py_XDECREF(old);
    return 0;
}

/* A name of an operation. Nodes of a user's own operation stay where the collector finds them: see registry.py. */
static int set_name(Node *n, PyObject *op) {
    PyObject *old = n->op;
    Py_INCREF(op);
    PyUnicode_InternInPlace(&op);
    n->op = op;
    Py_XDECREF(old);
    int tracked = PySet_Size(python.registered) ? PySet_Contains(python.registered, op) : 0;
    if (tracked > 0)
        have_visited(n);
    return tracked < 0 ? -1 : 0;
}

/* ---- operands and results --------------------------------------------------------------------------------------- */

static int is_plain_number(PyObject *x, double *number) {
    if (Py_TYPE(x) == &PyFloat_Type) {
        *number = PyFloat_AsDouble(x);
        return 1;
    }
    if (Py_TYPE(x) != &PyLong_Type)
        return 0;
    *number = PyLong_AsDouble(x);
    if (*number != -1.0 || !PyErr_Occurred())
        return 1;
    PyErr_Clear(); /* too large; Python says so */
    return 0;
}

/* `operand` of value.py: a node of which the caller owns a reference. If there is none, `*other` is what the operator
   gives instead: NotImplemented, or NULL with an error. Foreign numbers are read by Python. */
static inline Node *operand(PyObject *x, PyObject **other) {
    double number;
    *other = NULL;
    if (is_node(x))
        return (Node *)Py_NewRef(x);
    if (!is_plain_number(x, &number)) {
        PyObject *read = PyObject_CallFunctionObjArgs(python.number, x, NULL);
        if (!read || Py_TYPE(read) != &PyFloat_Type) {
            *other = read;
            return NULL;
        }
        number = PyFloat_AsDouble(read);
        Py_DECREF(read);
    }
    return constant(number);
}

/* `argument` of value.py. */
static Node *argument(PyObject *x, PyObject *function) {
    if (is_node(x))
        return (Node *)Py_NewRef(x);
    if (Py_TYPE(x) == &PyFloat_Type)
        return constant(PyFloat_AsDouble(x));
    return (Node *)PyObject_CallFunctionObjArgs(python.argument, x, function, NULL);
}

static PyObject *dropped(Node **of, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        Py_XDECREF((PyObject *)of[i]);
    return NULL;
}

static PyObject *as_tuple(Node **of, const double *numbers, uint32_t count) {
    PyObject *tuple = PyTuple_New(count);
    for (uint32_t i = 0; tuple && i < count; i++) {
        PyObject *item = of ? Py_NewRef((PyObject *)of[i]) : PyFloat_FromDouble(numbers[i]);
        if (!item)
            Py_CLEAR(tuple);
        else
            PyTuple_SetItem(tuple, i, item);
    }
    return tuple;
}

/* `watched` of value.py: some context is open, in this thread or in another. That of no_grad is dealt with here. */
static PyObject *watched(PyObject *op, double out, uint32_t count, Node **of, const double *slopes, int *plain) {
    PyObject *mode = PyObject_CallNoArgs(python.current); /* (record, anomaly, source, tracing, duals) */
    if (!mode)
        return NULL;
    int recording = PyTuple_GetItem(mode, 0) == Py_True, special = 0;
    for (int i = 1; i < 5; i++)
        special |= PyObject_IsTrue(PyTuple_GetItem(mode, i)) > 0;
    Py_DECREF(mode);
    if (!special) {
        *plain = recording;
        return recording ? NULL : (PyObject *)fresh((PyTypeObject *)python.transient, EMPTY, out);
    }
    PyObject *operands = as_tuple(of, NULL, count), *numbers = as_tuple(NULL, slopes, count), *node = NULL;
    if (operands && numbers)
        node = PyObject_CallFunction(python.watched, "OOdO", op, operands, out, numbers);
    Py_XDECREF(operands);
    Py_XDECREF(numbers);
    return node;
}

/* `made` of value.py for an operation on numbers. The references to the operands are taken over, whatever happens. */
static inline PyObject *made(PyObject *op, double out, uint32_t count, Node **of, const double *slopes) {
    if (PyList_Size(python.active)) {
        int plain = 0;
        PyObject *node = watched(op, out, count, of, slopes, &plain);
        if (!plain) {
            dropped(of, count);
            return node;
        }
    }
    Node *n = fresh(Value, op, out);
    if (!n)
        return dropped(of, count);
    if (count > 2 && !(n->more = PyMem_Malloc((count - 2) * sizeof *n->more))) {
        Py_DECREF((PyObject *)n);
        dropped(of, count);
        return PyErr_NoMemory();
    }
    for (uint32_t i = 0; i < count; i++)
        *edge(n, i) = (Edge){of[i], slopes[i]};
    n->operands = n->slopes = count;
    visited_like_operands(n);
    return (PyObject *)n;
}

/* ---- the operations ---------------------------------------------------------------------------------------------- */

/* A function that the table has in Python alone, or whose bits are Python's own. */
static double by_python(PyObject *function, PyObject *arguments) {
    PyObject *result = arguments && !PyErr_Occurred() ? PyObject_CallObject(function, arguments) : NULL;
    double number = result ? PyFloat_AsDouble(result) : NAN;
    Py_XDECREF(arguments);
    Py_XDECREF(result);
    return number;
}

static inline double f_exp2(double x) { return pow(2.0, x); }

static inline double f_head(double x) {
    double scaled = 134217729.0 * x;
    return scaled - (scaled - x);
}

/* What is written for an operation: its node from its operands, whose references it takes over. */
typedef PyObject *Compute(Node **of);

static inline PyObject *unary(PyObject *self, Compute compute) {
    Node *of[] = {(Node *)Py_NewRef(self)};
    return compute(of);
}

/* An operator: either side can be the number, and an unknown type may try. */
static inline PyObject *binary(PyObject *left, PyObject *right, Compute compute) {
    PyObject *other;
    Node *of[2] = {operand(left, &other), NULL};
    if (!of[0])
        return other;
    if (!(of[1] = operand(right, &other))) {
        dropped(of, 1);
        return other;
    }
    return compute(of);
}

/* A parameter of a method after self; `otherwise` is NAN if it has to be given. */
typedef struct {
    const char *name;
    double otherwise;
} Parameter;

#define MOST 4 /* operands of a method */

static PyObject *called(PyObject *self, PyObject *const *args, Py_ssize_t given, PyObject *names, PyObject *op,
                        const Parameter *known, uint32_t count, Compute compute) {
    PyObject *found[MOST] = {NULL};
    Node *of[MOST] = {(Node *)Py_NewRef(self)};
    Py_ssize_t named = names ? PyTuple_Size(names) : 0;
    uint32_t i = 0;
    for (Py_ssize_t k = 0; k < given + named; k++) {
        for (i = 0; k >= given && i < count; i++)
            if (!PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, k - given), known[i].name))
                break;
        if (k < given)
            i = (uint32_t)k;
        if (i >= count || found[i]) {
            PyErr_Format(PyExc_TypeError, "Value.%U() got an argument too many, or one that it has not", op);
            return dropped(of, 1);
        }
        found[i] = args[k];
    }
    for (i = 0; i < count; i++) {
        if (!found[i] && isnan(known[i].otherwise))
            PyErr_Format(PyExc_TypeError, "Value.%U() missing the argument %s", op, known[i].name);
        else
            of[i + 1] = found[i] ? argument(found[i], op) : constant(known[i].otherwise);
        if (!of[i + 1])
            return dropped(of, count + 1);
    }
    return compute(of);
}

/* ---- functions of lists --------------------------------------------------------------------------------------------- */

/* What `operands` of elementary.py finds in lists of one length: all nodes, one list after the other, and their data. */
typedef struct {
    Node **of, **others;
    double *data, *slopes, *first, *second; /* as long as all lists together */
    uint32_t length, count;
} Lists;

static PyObject *let_go(Lists *in) {
    dropped(in->of, in->count);
    PyMem_Free(in->of);
    return NULL;
}

static PyObject *item(PyObject *list, Py_ssize_t i) { /* of a list or a tuple, borrowed */
    return Py_TYPE(list) == &PyList_Type ? PyList_GetItem(list, i) : PyTuple_GetItem(list, i);
}

/* Reads lists and tuples of Values and plain numbers. All else, and its messages, are Python's: 0 without an error. */
static int taken(Lists *in, PyObject *const *lists, Py_ssize_t given, Py_ssize_t wanted) {
    Py_ssize_t length = given ? PyObject_Size(lists[0]) : 0, all = wanted * length;
    int values = 0;
    double number;
    *in = (Lists){.length = (uint32_t)length};
    for (Py_ssize_t i = 0; i < given; i++)
        if ((Py_TYPE(lists[i]) != &PyList_Type && Py_TYPE(lists[i]) != &PyTuple_Type) ||
            PyObject_Size(lists[i]) != length)
            all = 0;
    if (given != wanted || all <= 0) {
        PyErr_Clear(); /* what has no length */
        return 0;
    }
    if (!(in->of = PyMem_Malloc((size_t)all * (2 * sizeof *in->of + 4 * sizeof *in->data)))) {
        PyErr_NoMemory();
        return 0;
    }
    in->others = in->of + all;
    in->data = (double *)(in->others + all);
    in->slopes = in->data + all;
    in->first = in->slopes + all;
    in->second = in->first + all;
    for (Py_ssize_t i = 0; i < all; i++) {
        PyObject *x = item(lists[i / length], i % length);
        Node *n = NULL;
        if (x && is_node(x)) {
            n = (Node *)Py_NewRef(x);
            values = 1;
        } else if (x && is_plain_number(x, &number))
            n = constant(number);
        if (!n)
            break;
        in->of[in->count] = n;
        in->data[in->count++] = n->data;
    }
    if (!values || in->count < all)
        let_go(in);
    return values && in->count == all;
}

/* A function of a list that the table has in Python: of the entry number `first` and then of all others. */
static PyObject *of_list(PyObject *function, const double *entries, uint32_t length, uint32_t first) {
    PyObject *list = PyErr_Occurred() ? NULL : PyList_New(length), *result = NULL;
    for (uint32_t k = 0; list && k < length; k++) {
        PyObject *entry = PyFloat_FromDouble(entries[k ? k - (k <= first) : first]);
        if (entry)
            PyList_SetItem(list, k, entry);
        else
            Py_CLEAR(list);
    }
    if (list)
        result = PyObject_CallFunctionObjArgs(function, list, NULL);
    Py_XDECREF(list);
    return result;
}

static double number_of_list(PyObject *function, const double *entries, uint32_t length, uint32_t first) {
    PyObject *result = of_list(function, entries, length, first);
    double number = result ? PyFloat_AsDouble(result) : NAN;
    Py_XDECREF(result);
    return number;
}

static void list_of_list(PyObject *function, const double *entries, uint32_t length, double *out) {
    PyObject *result = of_list(function, entries, length, 0);
    for (uint32_t k = 0; result && k < length; k++)
        out[k] = PyFloat_AsDouble(PyList_GetItem(result, k));
    Py_XDECREF(result);
}

/* The node of an entry of a list: its operands are that entry and then all others. */
static int made_of_entry(PyObject *nodes, uint32_t i, PyObject *op, double out, Lists *in) {
    in->others[0] = in->of[i];
    memcpy(in->others + 1, in->of, i * sizeof *in->of);
    memcpy(in->others + 1 + i, in->of + 1 + i, (in->length - 1 - i) * sizeof *in->of);
    for (uint32_t k = 0; k < in->length; k++)
        Py_INCREF((PyObject *)in->of[k]);
    PyObject *node = made(op, out, in->length, in->others, in->slopes);
    return node && !PyList_SetItem(nodes, i, node);
}

static PyObject *made_of_lists(PyObject *op, double out, Lists *in) {
    if (PyErr_Occurred())
        return let_go(in);
    PyObject *node = made(op, out, in->count, in->of, in->slopes);
    in->count = 0; /* the node has the references now */
    let_go(in);
    return node;
}

#include "methods.h"

/* ---- walking ------------------------------------------------------------------------------------------------------ */

typedef struct {
    Node **nodes; /* borrowed */
    size_t size, room;
} Order;

typedef struct {
    Node *node;
    uint32_t next; /* the operand to look at */
} Visit;

static void *grown(void *items, size_t *room, size_t size) {
    size_t more = *room ? 2 * *room : 1024;
    void *larger = PyMem_Realloc(items, more * size);
    if (larger)
        *room = more;
    else
        PyErr_NoMemory();
    return larger;
}

static inline int put(Order *order, Node *n) {
    if (order->size == order->room) {
        Node **larger = grown(order->nodes, &order->room, sizeof *larger);
        if (!larger)
            return 0;
        order->nodes = larger;
    }
    order->nodes[order->size++] = n;
    return 1;
}

static uint64_t walk; /* the number of the walk under way: marks that equal it are of nodes it has met */

/* Appends what a root depends on and this walk has not met: depth first, first operand first, the root last. */
static int visit(Node *root, Order *order) {
    Visit *path = NULL, here = {root, 0};
    size_t depth = 0, room = 0;
    int fine = 0;
    if (root->mark == walk)
        return 1;
    root->mark = walk;
    for (;;) {
        if (here.next < here.node->operands) {
            Node *n = edge(here.node, here.next++)->of;
            if (n->mark == walk)
                continue;
            n->mark = walk;
            if (!n->operands) {
                if (!put(order, n))
                    break;
                continue;
            }
            if (depth == room) {
                Visit *larger = grown(path, &room, sizeof *larger);
                if (!larger)
                    break;
                path = larger;
            }
            path[depth++] = here;
            here = (Visit){n, 0};
        } else {
            if (!put(order, here.node))
                break;
            if (!depth) {
                fine = 1;
                break;
            }
            here = path[--depth];
        }
    }
    PyMem_Free(path);
    return fine;
}

/* `ordered` of graph.py. */
static PyObject *ordered(PyObject *module, PyObject *roots) {
    Order order = {0};
    PyObject *list = NULL;
    Py_ssize_t count = PyList_Size(roots), i;
    walk++;
    for (i = 0; i < count; i++) {
        PyObject *root = PyList_GetItem(roots, i);
        if (!is_node(root))
            PyErr_Format(PyExc_TypeError, "a graph is given by its root, a Value; got %R", (PyObject *)Py_TYPE(root));
        if (PyErr_Occurred() || !visit((Node *)root, &order))
            break;
    }
    if (i == count && !PyErr_Occurred())
        list = PyList_New((Py_ssize_t)order.size);
    for (size_t k = 0; list && k < order.size; k++)
        PyList_SetItem(list, (Py_ssize_t)k, Py_NewRef((PyObject *)order.nodes[k]));
    PyMem_Free(order.nodes);
    return list;
}

/* One step of `sweep` of backward.py. */
static inline void hand_on(Node *n) {
    double adjoint = n->grad;
    uint32_t count = n->operands < n->slopes ? n->operands : n->slopes;
    if (adjoint != 0.0)
        for (uint32_t i = 0; i < count; i++) {
            Edge *e = edge(n, i);
            if (e->slope != 0.0)
                e->of->grad += adjoint * e->slope;
        }
}

static PyObject *refuse_if_freed(const Order *order) {
    for (size_t i = 0; i < order->size; i++) {
        Node *n = order->nodes[i];
        if (!n->operands && n->op && n->op != EMPTY && n->op != CONSTANT)
            return PyObject_CallFunction(python.refuse_freed, "((O))", n);
    }
    return Py_NewRef(Py_None);
}

/* `run` of backward.py. */
static PyObject *run(PyObject *module, PyObject *args) {
    Node *root;
    double seed;
    int free_graph;
    Order order = {0};
    if (!PyArg_ParseTuple(args, "O!dp", Value, &root, &seed, &free_graph))
        return NULL;
    walk++;
    PyObject *result = visit(root, &order) ? refuse_if_freed(&order) : NULL;
    if (result) {
        for (size_t i = 0; i < order.size; i++)
            if (order.nodes[i]->operands)
                order.nodes[i]->grad = 0.0;
        root->grad += seed;
        for (size_t i = 0; free_graph && i < order.size; i++)
            Py_INCREF((PyObject *)order.nodes[i]);
        for (size_t i = order.size; i-- > 0;) {
            hand_on(order.nodes[i]);
            if (free_graph) { /* a subclass may have a __del__ */
                unlink_operands(order.nodes[i]);
                Py_DECREF((PyObject *)order.nodes[i]);
            }
        }
    }
    PyMem_Free(order.nodes);
    return result;
}

/* `recorded` of adjoints.py. Marks tell for a while which place in the order a node has. */
static PyObject *recorded(PyObject *module, PyObject *args) {
    struct {
        double sum;
        int met; /* whether anything was added */
    } *total = NULL;
    Node *root;
    double seed;
    PyObject *wanted;
    Order order = {0};
    if (!PyArg_ParseTuple(args, "O!dO", Value, &root, &seed, &wanted))
        return NULL;
    PyObject *nodes = PySequence_Tuple(wanted), *found = nodes ? PyList_New(PyTuple_Size(nodes)) : NULL, *fine = NULL;
    walk++;
    if (found && visit(root, &order) && (fine = refuse_if_freed(&order)) &&
        !(total = PyMem_Calloc(order.size, sizeof *total)))
        PyErr_NoMemory();
    uint64_t first = walk + 1;
    for (size_t i = 0; total && i < order.size; i++)
        order.nodes[i]->mark = ++walk;
    for (size_t i = order.size; total && i-- > 0;) {
        Node *n = order.nodes[i];
        if (n == root) {
            total[i].sum = seed;
            total[i].met = 1;
        }
        for (uint32_t k = 0; total[i].sum != 0.0 && k < n->operands && k < n->slopes; k++) {
            Edge *e = edge(n, k);
            size_t place = e->of->mark - first;
            if (e->slope != 0.0) {
                double part = total[i].sum * e->slope;
                total[place].sum = total[place].met ? total[place].sum + part : part;
                total[place].met = 1;
            }
        }
    }
    for (Py_ssize_t i = 0; total && found && i < PyTuple_Size(nodes); i++) {
        PyObject *x = PyTuple_GetItem(nodes, i);
        size_t place = is_node(x) ? ((Node *)x)->mark - first : order.size;
        x = PyFloat_FromDouble(place < order.size ? total[place].sum : 0.0);
        if (!x || PyList_SetItem(found, i, x))
            Py_CLEAR(found);
    }
    if (!total)
        Py_CLEAR(found);
    Py_XDECREF(nodes);
    Py_XDECREF(fine);
    PyMem_Free(total);
    PyMem_Free(order.nodes);
    return found;
}

/* ---- what Python sees --------------------------------------------------------------------------------------------- */

static int Value_init(PyObject *self, PyObject *args, PyObject *named) {
    static char *names[] = {"data", "label", NULL};
    PyObject *data, *label = EMPTY;
    Node *n = (Node *)self;
    double number;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O|O:Value", names, &data, &label))
        return -1;
    if (!is_plain_number(data, &number)) {
        PyObject *read = PyObject_CallFunction(python.real, "Os", data, "Value");
        if (!read)
            return -1;
        number = PyFloat_AsDouble(read);
        Py_DECREF(read);
    }
    unlink_operands(n);
    PyObject *op = n->op, *source = n->source;
    n->data = number;
    n->grad = 0.0;
    n->op = Py_NewRef(EMPTY);
    n->source = NULL;
    Py_XDECREF(op);
    Py_XDECREF(source);
    n->visited = 0;
    if (Py_TYPE(self) == Value)
        PyObject_GC_UnTrack(self);
    return set_label(n, label);
}

static PyObject *range_of_parents(Node *n, uint32_t from) {
    PyObject *tuple = PyTuple_New(from < n->operands ? n->operands - from : 0);
    for (uint32_t i = from; tuple && i < n->operands; i++)
        PyTuple_SetItem(tuple, i - from, Py_NewRef((PyObject *)edge(n, i)->of));
    return tuple;
}

static PyObject *range_of_slopes(Node *n, uint32_t from) {
    PyObject *tuple = PyTuple_New(from < n->slopes ? n->slopes - from : 0);
    for (uint32_t i = from; tuple && i < n->slopes; i++) {
        PyObject *slope = PyFloat_FromDouble(edge(n, i)->slope);
        if (!slope)
            Py_CLEAR(tuple);
        else
            PyTuple_SetItem(tuple, i - from, slope);
    }
    return tuple;
}

/* `Value._link`: exchange operands and slopes, both given as tuples. */
static int relink(Node *n, PyObject *parents, PyObject *slopes) {
    uint32_t count = (uint32_t)PyTuple_Size(parents), known = (uint32_t)PyTuple_Size(slopes);
    uint32_t cells = count > known ? count : known;
    Edge two[2] = {{NULL, 0.0}, {NULL, 0.0}}, *more = NULL;
    if (cells > 2 && !(more = PyMem_Calloc(cells - 2, sizeof *more))) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < cells; i++) {
        Edge *cell = i < 2 ? &two[i] : &more[i - 2];
        if (i < count) {
            cell->of = (Node *)PyTuple_GetItem(parents, i);
            if (!is_node((PyObject *)cell->of))
                PyErr_SetString(PyExc_TypeError, "the parents of a Value are Values");
        }
        if (i < known)
            cell->slope = PyFloat_AsDouble(PyTuple_GetItem(slopes, i));
        if (PyErr_Occurred()) {
            PyMem_Free(more);
            return -1;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        Py_INCREF(PyTuple_GetItem(parents, i));
    unlink_operands(n);
    n->two[0] = two[0];
    n->two[1] = two[1];
    n->more = more;
    n->operands = count;
    n->slopes = known;
    visited_like_operands(n);
    return 0;
}

static PyObject *link_method(PyObject *self, PyObject *args) {
    PyObject *parents, *slopes;
    if (!PyArg_ParseTuple(args, "O!O!", &PyTuple_Type, &parents, &PyTuple_Type, &slopes))
        return NULL;
    return relink((Node *)self, parents, slopes) ? NULL : Py_NewRef(Py_None);
}

static int kept(const char *name) {
    PyErr_Format(PyExc_AttributeError, "a Value keeps its .%s; it cannot be deleted", name);
    return -1;
}

/* The setters of `parents` (what = "parents") and `local_derivatives`. */
static int set_edges(PyObject *self, PyObject *given, void *what) {
    Node *n = (Node *)self;
    if (!given)
        return kept(what);
    int parents = *(const char *)what == 'p';
    PyObject *one = PySequence_Tuple(given), *other = parents ? range_of_slopes(n, 0) : range_of_parents(n, 0);
    int result = !one || !other ? -1 : parents ? relink(n, one, other) : relink(n, other, one);
    if (!result && parents && n->operands) { /* only by hand can a graph become a cycle, of nodes that n depends on */
        Order order = {0};
        walk++;
        result = visit(n, &order) - 1;
        for (size_t i = 0; i < order.size; i++)
            have_visited(order.nodes[i]);
        PyMem_Free(order.nodes);
    }
    Py_XDECREF(one);
    Py_XDECREF(other);
    return result;
}

static PyObject *get_parents(PyObject *self, void *what) { return range_of_parents((Node *)self, 0); }

static PyObject *get_slopes(PyObject *self, void *what) { return range_of_slopes((Node *)self, 0); }

/* The slots of the Python engine, for those who read them there: _first, _second and their slopes, _others. */
static PyObject *get_operand(PyObject *self, void *place) {
    uint32_t i = (uint32_t)(uintptr_t)place;
    Node *n = (Node *)self;
    return Py_NewRef(i < n->operands ? (PyObject *)edge(n, i)->of : Py_None);
}

static PyObject *get_slope(PyObject *self, void *place) {
    uint32_t i = (uint32_t)(uintptr_t)place;
    Node *n = (Node *)self;
    return i < n->slopes ? PyFloat_FromDouble(edge(n, i)->slope) : Py_NewRef(Py_None);
}

static PyObject *get_others(PyObject *self, void *what) {
    Node *n = (Node *)self;
    if (!n->more)
        return Py_NewRef(Py_None);
    return Py_BuildValue("(NN)", range_of_parents(n, 2), range_of_slopes(n, 2));
}

static PyObject *get_number(PyObject *self, void *name) {
    Node *n = (Node *)self;
    return PyFloat_FromDouble(*(const char *)name == 'd' ? n->data : n->grad);
}

static int set_number(PyObject *self, PyObject *given, void *name) {
    Node *n = (Node *)self;
    double number;
    if (!given)
        return kept(name);
    if (!is_plain_number(given, &number)) {
        PyObject *read = PyObject_CallFunction(python.assigned, "OsO", self, name, given);
        if (!read)
            return -1;
        number = PyFloat_AsDouble(read);
        Py_DECREF(read);
    }
    *(*(const char *)name == 'd' ? &n->data : &n->grad) = number;
    return 0;
}

static PyObject *get_text(PyObject *self, void *name) {
    Node *n = (Node *)self;
    PyObject *text = *(const char *)name == 'o' ? n->op : n->label;
    if (!text)
        PyErr_Format(PyExc_AttributeError, "this Value has no .%s yet", name);
    return text ? Py_NewRef(text) : NULL;
}

static int set_text(PyObject *self, PyObject *given, void *name) {
    if (!given)
        return kept(name);
    if (*(const char *)name == 'l')
        return set_label((Node *)self, given);
    if (Py_TYPE(given) == &PyUnicode_Type)
        return set_name((Node *)self, given);
    PyErr_Format(PyExc_TypeError, "the .op of a Value is the name of an operation, not %R", given);
    return -1;
}

static PyObject *get_source(PyObject *self, void *what) {
    PyObject *source = ((Node *)self)->source;
    return Py_NewRef(source ? source : Py_None);
}

static int set_source(PyObject *self, PyObject *given, void *name) {
    PyObject *old = ((Node *)self)->source, *file, *source = NULL;
    int line;
    if (!given)
        return kept(name);
    if (given != Py_None && !(PyTuple_Check(given) && PyArg_ParseTuple(given, "Ui", &file, &line))) {
        PyErr_Format(PyExc_TypeError, "the .source of a Value is (file name, line) or None, not %R", given);
        return -1;
    }
    if (given != Py_None && !(source = Py_BuildValue("(Ni)", PyUnicode_FromObject(file), line)))
        return -1;
    ((Node *)self)->source = source;
    Py_XDECREF(old);
    return 0;
}

static PyGetSetDef attributes[] = {
    {"data", get_number, set_number, "The number.", "data"},
    {"grad", get_number, set_number, "d root / d self after root.backward().", "grad"},
    {"op", get_text, set_text, "The operation that made this node; \"\" for a leaf.", "op"},
    {"label", get_text, set_text, "A name for pictures, tables and messages.", "label"},
    {"source", get_source, set_source, "(file name, line) that made the node, or None.", "source"},
    {"parents", get_parents, set_edges, "The operands.", "parents"},
    {"local_derivatives", get_slopes, set_edges, "d self / d parent, for each parent.", "local_derivatives"},
    {"_first", get_operand, NULL, NULL, (void *)0},
    {"_second", get_operand, NULL, NULL, (void *)1},
    {"_first_slope", get_slope, NULL, NULL, (void *)0},
    {"_second_slope", get_slope, NULL, NULL, (void *)1},
    {"_others", get_others, NULL, NULL, NULL},
    {NULL},
};

static PyMethodDef methods[] = {METHODS{"_link", link_method, METH_VARARGS, NULL}, {NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Value(data, label='')\n--\n\n"},
    {Py_tp_init, Value_init},
    {Py_tp_dealloc, Value_dealloc},
    {Py_tp_traverse, Value_traverse},
    {Py_tp_clear, Value_clear},
    {Py_tp_getset, attributes},
    {Py_tp_methods, methods},
    OPERATORS{0, NULL},
};

static PyType_Spec spec = {
    "autograd.value.Value",
    sizeof(Node),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    slots,
};

/* ---- the module --------------------------------------------------------------------------------------------------- */

static PyObject *constant_function(PyObject *module, PyObject *x) {
    double number = PyFloat_AsDouble(x);
    return number == -1.0 && PyErr_Occurred() ? NULL : (PyObject *)constant(number);
}

static PyObject *operand_function(PyObject *module, PyObject *x) {
    PyObject *other;
    Node *n = operand(x, &other);
    return n ? (PyObject *)n : other;
}

/* `node` of value.py. */
static PyObject *node_function(PyObject *module, PyObject *args) {
    PyObject *op, *parents, *slopes;
    double data;
    if (!PyArg_ParseTuple(args, "UO!dO!", &op, &PyTuple_Type, &parents, &data, &PyTuple_Type, &slopes))
        return NULL;
    Node *n = fresh(Value, EMPTY, data);
    if (n && (relink(n, parents, slopes) || set_name(n, op)))
        Py_CLEAR(n);
    return (PyObject *)n;
}

/* connect(**functions): the Python that this file calls. */
static PyObject *connect(PyObject *module, PyObject *args, PyObject *named) {
    static const struct {
        const char *name;
        PyObject **place;
    } wanted[] = {
        {"active", &python.active},         {"current", &python.current},   {"registered", &python.registered},
        {"transient", &python.transient},   {"number", &python.number},     {"argument", &python.argument},
        {"real", &python.real},             {"text", &python.text},         {"assigned", &python.assigned},
        {"watched", &python.watched},       {"refuse_freed", &python.refuse_freed}, {"functions", &python.functions},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        PyObject *found = named ? PyDict_GetItemString(named, wanted[i].name) : NULL;
        if (!found) {
            PyErr_Format(PyExc_TypeError, "connect() needs %s", wanted[i].name);
            return NULL;
        }
        *wanted[i].place = Py_NewRef(found);
    }
    return find_functions(python.functions) ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef functions[] = {
    {"connect", (PyCFunction)(void (*)(void))connect, METH_VARARGS | METH_KEYWORDS, NULL},
    {"constant", constant_function, METH_O, NULL},
    {"operand", operand_function, METH_O, NULL},
    {"node", node_function, METH_VARARGS, NULL},
    {"ordered", ordered, METH_O, NULL},
    {"run", run, METH_VARARGS, NULL},
    {"recorded", recorded, METH_VARARGS, NULL},
    LISTS{NULL},
};

/* What stands in static variables is one interpreter's, and one copy of the package's in it. */
static int start(PyObject *module) {
    if (Value) {
        PyErr_SetString(PyExc_ImportError, "the engine in C serves one interpreter of a process, which has it already");
        return -1;
    }
    EMPTY = PyUnicode_InternFromString("");
    CONSTANT = PyUnicode_InternFromString("constant");
    if (!EMPTY || !CONSTANT || !name_operations() || PyModule_AddStringConstant(module, "FINGERPRINT", FINGERPRINT))
        return -1;
    Value = (PyTypeObject *)PyType_FromSpec(&spec);
    return Value ? PyModule_AddObjectRef(module, "Value", (PyObject *)Value) : -1;
}

static PyModuleDef_Slot steps[] = {{Py_mod_exec, start}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "autograd._native", "The engine in C.", 0, functions, steps,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
