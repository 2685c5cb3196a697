/* SPDX-License-Identifier: GPL-3.0-or-later
 * kramers_plug.h - what the author of a model, lattice, density, update or observable sees.
 *
 * A plug is one C file that exports one `const struct` named kr_<plug>_<name>, and one line:
 * its name in the list of that folder's meson.build. Everything here is a plain table, visible
 * to every layer. Letters: i site, k neighbor slot, a,b states, c chain (lane), N sites, q
 * states.
 *
 * Conventions: weight exp(-beta H), k_B = 1, energies in units of J, lattice spacing 1. A torus
 * gives every site one bond in each positive direction, so with a side of 2 a pair carries two
 * bonds. Sites are numbered with coordinate 0 running fastest. States are 0..q-1.
 *
 * Ownership in one of three words: owns, borrows (must outlive), fills (caller's buffer). */
#ifndef KRAMERS_PLUG_H
#define KRAMERS_PLUG_H

#include "kramers_base.h"
#include "kramers_real.h"

/* ---- lattices -------------------------------------------------------------------------- */

#define KR_DIM_MAX 8

typedef struct kr_lattice {
    char name[32];
    int32_t dim;                  /* number of coordinates */
    int32_t extent[KR_DIM_MAX];   /* sites along each coordinate; product = n_sites */
    bool is_periodic[KR_DIM_MAX]; /* true for periodic and antiperiodic directions */
    bool has_antiperiodic;
    int32_t n_basis;              /* above 1: coordinate 0 counts the sites of a unit cell */
    bool is_oblique;              /* planar lattice vectors at 60 or 120 degrees */
    int32_t n_sites;
    int64_t n_bonds;
    int32_t *bond;     /* (n_bonds, 2) sites; a pair may carry several bonds; owns */
    int8_t *bond_sign; /* (n_bonds) +1, or -1 across an antiperiodic boundary; owns */
    int8_t *bond_axis; /* (n_bonds) direction class of the bond, 0..; owns */
    double weight; /* multiplies every coupling, e.g. 1/N on a complete graph; 1 unless set */
    /* derived by kr_lattice_finish */
    int32_t n_colors;        /* proper coloring of the bond graph */
    int32_t *color;          /* (n_sites); owns */
    int32_t n_symmetries;    /* generators of the symmetry group of the bond graph with signs */
    int32_t *symmetry;       /* (n_symmetries, n_sites) permutation: site -> image; owns */
    int32_t *symmetry_order; /* (n_symmetries) smallest power that is the identity; owns */
    size_t capacity_bonds, capacity_symmetries; /* private to lattice.c */
} kr_lattice;

/* For fill(): bonds are appended one by one; symmetries that are not automorphisms (of bonds
 * with their signs and of multiplicity) are dropped by kr_lattice_finish. */
int kr_lattice_add_bond(kr_lattice *lattice, int32_t i, int32_t j, int sign, int axis,
                        kr_error *err);
int kr_lattice_add_symmetry(kr_lattice *lattice, const int32_t *image, kr_error *err);

typedef struct kr_lattice_plug {
    const char *name, *doc, *source;
    const kr_field *fields;
    size_t params_size;
    /* Sets dim, extent, is_periodic, n_sites, adds bonds and candidate symmetries. */
    int (*fill)(const void *params, kr_lattice *lattice, kr_error *err);
    /* How many sites and bonds fill will make, so that a box which memory cannot hold is
     * refused before it is built. NULL: not known beforehand. */
    void (*count)(const void *params, double *n_sites, double *n_bonds);
} kr_lattice_plug;

/* ---- models as data -------------------------------------------------------------------- */

#define KR_STATES_MAX  256
#define KR_ARITY_MAX   8
#define KR_PHASES_MAX  8
#define KR_MOMENTS_MAX 4

/* How the order parameter of a configuration follows from its state fractions. */
typedef enum kr_order {
    KR_ORDER_VALUE,      /* m = sum_a f_a value_a */
    KR_ORDER_POTTS,      /* m = (q max_a f_a - 1)/(q - 1) */
    KR_ORDER_QUADRUPOLE, /* m = sum_a f_a value_a^2 */
    KR_ORDER_VECTOR,     /* m = |(x, y)|, the first two moments */
} kr_order;

/* A further quantity sum_a f_a value_a of the state fractions, such as a component of the order
 * parameter; the observable magnetization measures it as a column of its name. */
typedef struct kr_moment {
    char name[32], doc[80];
    double *value; /* (q); owns */
} kr_moment;

/* A known phase: how to start in it, and the interval of the order parameter that says a chain
 * has entered it (outside all intervals a chain stays in the phase it was last in). */
typedef struct kr_phase {
    char name[24];
    double from, to;     /* inclusive */
    int32_t start_state; /* all sites in this state; KR_START_RANDOM: uniform;
                            KR_START_ANY_ORDERED: one state, uniform */
    double start_value;  /* real-valued models: all sites at this value */
} kr_phase;
enum { KR_START_RANDOM = -1, KR_START_ANY_ORDERED = -2, KR_START_VALUE = -4 };

/* The Hamiltonian as data:
 *   H(s) = sum_t coupling_t table_t[s_{i_1}, ..., s_{i_n}] + sum_i local[i][s_i].
 * Pair case (is_pair): every term has two sites and the same symmetric table V, so
 *   H = sum_<ij> J_ij V[s_i][s_j] + sum_i local[i][s_i]. */
typedef struct kr_terms {
    int32_t n_sites, q;
    kr_action *action; /* of a real-valued model, else NULL: then there is no term and q = 0;
                          owns */
    double *value;     /* (q) value of a state, e.g. -1, +1; owns */
    double *local;     /* (n_sites, q) single-site energies; owns */
    int32_t n_tables;
    int32_t *table_arity; /* (n_tables); owns */
    size_t *table_begin;  /* (n_tables + 1) into table; owns */
    double *table;        /* row-major, last site fastest; owns */
    int64_t n_terms;
    int64_t *term_begin; /* (n_terms + 1) into term_site; owns */
    int32_t *term_site;  /* owns */
    int32_t *term_table; /* (n_terms); owns */
    double *coupling;    /* (n_terms); owns */
    /* derived by kr_terms_finish */
    int64_t *site_begin; /* (n_sites + 1) into site_term; owns */
    int64_t *site_term;  /* terms that contain the site (once per term); owns */
    bool is_pair;
    const double *V;         /* pair case: (q, q), borrowed from table */
    int64_t *neighbor_begin; /* (n_sites + 1), pair case; owns */
    int32_t *neighbor;       /* pair case, one entry per bond end, ascending per site; owns */
    double *J;               /* pair case, aligned with neighbor; owns */
    int32_t *pair_class;     /* (q) states a,b of one class: the transposition (a b) leaves V
                                invariant; owns */
    int32_t *state_class;    /* (q) the same with all of local invariant too; owns */
    bool is_potts;           /* pair case with V[a][b] = c - v delta_ab, v > 0 */
    bool has_local;          /* some local[i][a] != local[i][b] */
    bool is_integer; /* all energies are integers, magnitude < 2^53 / n_terms: sums are exact */
    kr_order order;
    int32_t n_moments;
    kr_moment moment[KR_MOMENTS_MAX];
    int32_t n_phases;
    kr_phase phase[KR_PHASES_MAX];
    size_t capacity_terms, capacity_sites, capacity_table; /* private to terms.c */
} kr_terms;

/* For build(): add tables, then terms. Errors: KR_ENOMEM, KR_ERANGE. */
int kr_terms_add_table(kr_terms *terms, int arity, const double *energy, int32_t *index,
                       kr_error *err);
int kr_terms_add(kr_terms *terms, int32_t table, const int32_t *sites, double coupling,
                 kr_error *err);
/* One pair term per bond of the lattice with coupling J_b sign_b weight; J (n_bonds) or NULL
 * for uniform. V (q, q) symmetric. */
int kr_terms_add_bonds(kr_terms *terms, const kr_lattice *lattice, const double *V,
                       double uniform, const double *J, kr_error *err);
/* Adds energy[a] (q) times the site's value to local: value is `uniform` plus the site disorder
 * (below; NULL = none). So -h sum_i s_i is energy[a] = -value[a], uniform = h. */
struct kr_disorder;
int kr_terms_add_field(kr_terms *terms, const kr_lattice *lattice, const double *energy,
                       double uniform, const struct kr_disorder *disorder, kr_error *err);
/* kr_terms_add_bonds with J_b = uniform times the bond disorder (NULL = none). */
int kr_terms_add_disordered_bonds(kr_terms *terms, const kr_lattice *lattice, const double *V,
                                  double uniform, const struct kr_disorder *disorder,
                                  kr_error *err);
int kr_terms_add_phase(kr_terms *terms, const char *name, double from, double to,
                       int32_t start_state, kr_error *err);
/* The same for a real-valued model. */
int kr_terms_add_real_phase(kr_terms *terms, const char *name, double from, double to,
                            double start_value, kr_error *err);
/* A moment; value (q) is copied. Errors: KR_ENOMEM, KR_ERANGE. */
int kr_terms_add_moment(kr_terms *terms, const char *name, const char *doc, const double *value,
                        kr_error *err);

/* Quenched disorder shared by the models: a nested map `kind, seed, strength, zero_sum, file`.
 *   none (bonds 1, sites 0: the clean system) | pm1 (values +-strength with equal odds) |
 *   gaussian (mean 0, width strength) |
 *   file (text: one number per line in the order of bonds or sites, or "i j J" / "i h" rows in
 *   any order, each bond or site once; # starts a comment; numbers count times strength). */
typedef struct kr_disorder {
    int32_t kind;
    int64_t seed;
    double strength;
    bool zero_sum; /* shift the values so that they sum to zero */
    char file[KR_TEXT_MAX];
} kr_disorder;
enum { KR_DISORDER_NONE, KR_DISORDER_PM1, KR_DISORDER_GAUSSIAN, KR_DISORDER_FILE };
extern const kr_field kr_disorder_fields[];
/* Keys that the kind does not read are mistakes. Errors: KR_EINVAL. */
int kr_disorder_check(const kr_disorder *disorder, kr_error *err);
/* Fill value (n_bonds) or (n_sites); drawn from streams keyed by (seed, purpose), the same in
 * every build. A pair with several bonds has that many rows "i j J", in bond order. Errors:
 * KR_EIO, KR_EPARSE with FILE:LINE. Serial only. */
int kr_disorder_bonds(const kr_disorder *disorder, const kr_lattice *lattice, double *value,
                      kr_error *err);
int kr_disorder_sites(const kr_disorder *disorder, const kr_lattice *lattice, double *value,
                      kr_error *err);

typedef struct kr_fact {                     /* an exact or literature value */
    const char *lattice, *quantity, *params; /* e.g. "hypercubic 2D", "beta_c", "q=3" */
    double value;
    const char *source;
} kr_fact;

typedef struct kr_model_plug {
    const char *name, *doc, *source;
    const kr_field *fields;
    size_t params_size;
    int (*n_states)(const void *params); /* q; NULL: the model is real-valued */
    /* Fills value, local, tables, terms, order, phases. terms arrives with n_sites, q set and
     * value, local zeroed. Real-valued: sets the action. */
    int (*build)(const void *params, const kr_lattice *lattice, kr_terms *terms, kr_error *err);
    const kr_fact *facts; /* ends with lattice == NULL; may be NULL */
    /* What else to tell a user of this choice of parameters, one line, or ""; may be NULL. */
    void (*describe)(const void *params, const kr_lattice *lattice, double beta,
                     char text[KR_TEXT_MAX]);
} kr_model_plug;

/* Weights w(H) of the energy in the place of exp(-beta H): log w from a table over n_bins
 * energies e_min + k width. Outside the table log w goes on as -beta_low H below and -beta_high
 * H above, so that no state is lost. is_level: every energy of the model is one of e_min + k
 * width; otherwise log w is linear between two entries. Evaluated by kr_flat_log_w
 * (model/flat.h). */
typedef struct kr_flat_weights {
    double e_min, width, inverse_width;
    double beta_low, beta_high;
    int32_t n_bins;
    bool is_level;
    double *log_w; /* (n_bins); owns */
    /* exp of log_w where differences allow it, for levels: bin k' within KR_FLAT_REACH of bin k
     * has scaled[(k + R) / (2 R) * 2 R + 2 R + k'] with one factor for all of them, R =
     * KR_FLAT_REACH. Follows log_w by kr_flat_refresh. */
    bool has_scaled;
    double *scaled; /* owns */
} kr_flat_weights;
#define KR_FLAT_REACH 16

/* H at two values of one parameter of the model, high - low = step apart, around the one that
 * holds: for d(beta H)/d parameter. */
typedef struct kr_slope {
    char parameter[48];
    const kr_terms *low, *high; /* borrowed */
    double step;
} kr_slope;
/* First member of the params of an observable with KR_OBSERVABLE_SLOPE. */
typedef struct kr_slope_params {
    char parameter[KR_TEXT_MAX];
} kr_slope_params;

/* The distribution that updates leave invariant and densities approximate: exp(-beta H), or
 * w(H) where flat is given; an update without KR_UPDATE_ANY_WEIGHT is never made for that. */
typedef struct kr_target {
    const kr_lattice *lattice; /* borrowed */
    const kr_terms *terms;     /* borrowed */
    double beta;
    const kr_flat_weights *flat; /* NULL: exp(-beta H); borrowed, entries may change later */
    const struct kr_path *path;  /* terms are those of its point t (model/path.h); else NULL */
    double t;
    const kr_slope *slope; /* NULL: no observable asks for one; borrowed */
} kr_target;

/* ---- blocks: where states live --------------------------------------------------------- */

typedef struct kr_rng kr_rng; /* base/rng.h */

typedef enum kr_layout {
    KR_LAYOUT_CHAIN = 1, /* state[lane * n_sites + i]; one byte per site */
    KR_LAYOUT_LANE = 2,  /* state[i * stride + lane] */
    KR_LAYOUT_BITS = 4,  /* 64-byte vectors of one bit per site and chain, placed by a fold */
    KR_LAYOUT_BYTES = 8, /* the same with one byte per site and chain */
    KR_LAYOUT_GANG = 16, /* lanes of the block `gang`, which has layout BITS */
    KR_LAYOUT_REAL = 32, /* phi[i * stride + lane] of a real-valued model, its only layout */
} kr_layout;
#define KR_LAYOUT_ANY 31u /* reads energies and state counts only */

/* How chains and equal tiles of the lattice share the elements of vectors: model/fold.h. */
typedef struct kr_fold kr_fold;

#define KR_LANES_MAX 64 /* chains of a block */
#define KR_LANES_PAD 16 /* stride of LANE is n_lanes rounded up to this */

/* n rounded up to a multiple of KR_LANES_PAD: the stride of n lanes, the pitch of n weights. */
static inline size_t kr_lanes_pad(size_t n)
{
    return (n + KR_LANES_PAD - 1) / KR_LANES_PAD * KR_LANES_PAD;
}

/* Proposals drawn ahead from a density: a queue, in the lanes of one batch in layout LANE. They
 * are independent of the states of all chains, so any chain may take the next one. They die
 * with the weights they were drawn under. */
typedef struct kr_pool {
    int32_t density; /* index */
    int32_t n_lanes; /* of the batch; its stride is KR_LANES_MAX */
    int32_t n_used;  /* lanes handed out */
    int64_t epoch;   /* of the weights */
    void *state;     /* (n_sites, KR_LANES_MAX) bytes, of a real-valued model double; owns */
    double *log_q, *energy; /* (KR_LANES_MAX); owns */
} kr_pool;

/* A fixed logical group of chains of one point: the unit of random streams, of thread tasks, of
 * gradient accumulation and of MPI ownership, so results do not depend on the number of
 * threads. The density caches: log_q belongs to density log_q_of at weights epoch log_q_epoch,
 * or log_q_of = -1. count[lane * q + a] is the number of sites in state a where has_count. An
 * update that changes a state keeps energy current and calls kr_block_touch, then may set what
 * it knows of the rest. */
typedef struct kr_block {
    kr_layout layout;
    const kr_fold *bits, *bytes; /* folds of the layouts BITS and BYTES, or NULL; borrowed */
    struct kr_block *gang;       /* holds the chains in layout GANG, or NULL; borrowed */
    int32_t gang_lane;           /* lane of the first chain there */
    int32_t n_lanes, stride;
    int32_t first_chain, point;
    int32_t n_sites, q;
    size_t size;             /* bytes of state and of spare */
    uint8_t *state;          /* owns; 64-byte aligned, at least stride * n_sites bytes */
    uint8_t *spare;          /* owns; same size, for conversions */
    double *phi, *spare_phi; /* the same areas in layout REAL, (n_sites, stride), else NULL */
    double *energy; /* (KR_LANES_MAX) H of each lane, kept current by every update; owns */
    double *log_q;  /* (KR_LANES_MAX); owns */
    int32_t log_q_of;
    int32_t has_count;
    int32_t has_halo; /* the halos of layout BITS or BYTES, or the lanes of the gang where the
                         layout is CHAIN, are current */
    int64_t log_q_epoch;
    int64_t *count;    /* (KR_LANES_MAX, q); owns */
    int64_t *rejected; /* (KR_LANES_MAX) global proposals refused in a row up to now; owns */
    kr_rng *rng;       /* one stream for the block; owns */
    int32_t n_pools;
    kr_pool *pool; /* (n_pools) one for each density that updates share proposals of; owns */
} kr_block;

/* Says that a state of the block has changed. */
static inline void kr_block_touch(kr_block *block)
{
    block->log_q_of = -1;
    block->has_count = 0;
    block->has_halo = 0;
}

/* Sums of means that an update gives beside the states, per lane: one mean a sweep of each
 * quantity of model/quantity.h over all states weighed, or of structure_zero alone. */
#define KR_QUANTITIES_MAX (4 + KR_PHASES_MAX)
typedef struct kr_means {
    int64_t n[KR_LANES_MAX]; /* means in a sum */
    double sum[KR_LANES_MAX][KR_QUANTITIES_MAX];
} kr_means;

/* Counts since they were last cleared, per lane. An attempt is one elementary proposal: a site,
 * a cluster, a whole configuration. A bit-parallel engine counts accepted and changed in the
 * last sweep of each call only, on large lattices in a sample of the sites, and scales. */
typedef struct kr_tally {
    int64_t attempted[KR_LANES_MAX], accepted[KR_LANES_MAX],
        changed[KR_LANES_MAX];     /* changed: sites */
    int64_t longest[KR_LANES_MAX]; /* run of refused global proposals, its part before the
                                      counts were cleared included */
    kr_means *means;               /* of _MEANS and _CLUSTERS, NULL: not wanted; borrowed */
} kr_tally;

/* Instruction sets of vector kernels; all give the same bits. */
typedef enum kr_isa { KR_ISA_BEST, KR_ISA_PORTABLE, KR_ISA_AVX2, KR_ISA_AVX512 } kr_isa;

/* ---- densities ------------------------------------------------------------------------- */

enum {
    KR_DENSITY_TRAINABLE = 1,
    KR_DENSITY_REAL = 2,
    KR_DENSITY_BLOCK = 4, /* of a few sites given all others: has block and grad_tail */
};

/* The tail of KR_DENSITY_BLOCK: sampling, scores and slopes of it read no other sites. */
typedef struct kr_density_block {
    int32_t first, n_given, n_drawn; /* first: place */
    const int32_t *given, *drawn; /* sites the tail depends on, sites of the tail; borrowed */
} kr_density_block;

/* Networks that began with weights of the same or of the most similar network elsewhere. */
typedef struct kr_adopted {
    int32_t n_same, n_near, n_fresh;
} kr_adopted;

/* A tractable density over configurations. Sites are drawn one after the other, in the order
 * 0..N-1 unless the density has its own. Probabilities are ratios of integers: sampled law and
 * log q agree exactly and q > 0. States are in layout LANE (stride n_lanes rounded up to
 * KR_LANES_PAD); scratch is 64-byte aligned. Threads: sample, log_q, grad are pure given their
 * own scratch; prepare, init and writes to params() are serial only. */
typedef struct kr_density_plug {
    const char *name, *doc, *source;
    const kr_field *fields;
    size_t params_size;
    unsigned flags;
    bool (*supports)(const kr_target *target, const void *params, kr_error *why);
    void *(*alloc)(const kr_target *target, const void *params,
                   kr_error *err); /* ends prepared at target->beta */
    void (*free)(void *self);
    size_t (*n_weights)(const void *self);
    float *(*weights)(
        void *self); /* (n_weights), 64-byte aligned, zero padding stays zero under training */
    /* Weights that one configuration is drawn with, shared ones as often as they are used: the
     * unit of training.max_work. The member may be NULL: n_weights. */
    double (*n_visits)(const void *self);
    /* Padding is 0, has gradient 0 and would change the rounding of log q at most. The member
     * may be NULL: no weight is. */
    bool (*is_padding)(const void *self, size_t weight);
    size_t (*scratch_bytes)(const void *self, int32_t n_lanes); /* never falls with n_lanes;
                                                                   scratch is 64-byte aligned */
    void (*init)(void *self, kr_rng *rng);                      /* fresh weights */
    /* For weights that serve lattices of other sizes; both members may be NULL. networks: what
     * tells the networks of this instance apart, the same on every lattice; count of the
     * numbers, which go into out unless that is NULL; 0: no other lattice can use them. adopt:
     * weights and networks of an instance of this plug with the same params on another lattice
     * or target, which may come from a damaged file; networks without a likeness keep the
     * weights they have. KR_EMISMATCH says what is wrong or that nothing is alike, then nothing
     * has changed. Serial only. */
    size_t (*networks)(const void *self, int64_t *out);
    int (*adopt)(void *self, const int64_t *networks, size_t n_networks, const float *weights,
                 size_t n_weights, kr_adopted *count, kr_error *err);
    int (*prepare)(void *self, double beta, kr_error *err); /* beta of the skip term */
    /* (n_sites) the site drawn at each place, borrowed; the member may be NULL: 0..N-1 */
    const int32_t *(*order)(const void *self);
    /* Draw the sites of places k..N-1 given those of places 0..k-1; log_q (n_lanes) gets
     * log q(s_{>=k} | s_{<k}). */
    void (*sample_tail)(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                        double *log_q, kr_rng *rng, void *scratch);
    void (*log_q_tail)(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                       double *log_q, void *scratch);
    /* gradient (n_weights, 64-byte aligned) += sum_lane coefficient[lane] d log q(s_lane) / d
     * weights, lanes in order; log_q (n_lanes) filled when not NULL. */
    void (*grad)(const void *self, int32_t n_lanes, const uint8_t *state,
                 const double *coefficient, float *gradient, double *log_q, void *scratch);
    const kr_flow *flow; /* with KR_DENSITY_REAL, else NULL */
    /* With KR_DENSITY_BLOCK; grad_tail: of log q(s_{>=k} | s_{<k}). */
    void (*block)(const void *self, kr_density_block *out);
    void (*grad_tail)(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                      const double *coefficient, float *gradient, double *log_q, void *scratch);
    /* From now on with the kernels of an instruction set that this CPU runs: another speed, the
     * same bits. Serial only. NULL: has no vector kernels. */
    void (*use)(void *self, kr_isa isa);
} kr_density_plug;

typedef struct kr_density { /* an instance with its plug */
    const kr_density_plug *plug;
    void *self;
    int32_t index;   /* of the density in its sampler */
    int32_t n_sites; /* of its target */
    int64_t epoch;   /* grows with each change of weights or beta */
} kr_density;

/* ---- updates --------------------------------------------------------------------------- */

enum {
    KR_UPDATE_LOCAL = 1,       /* changes few sites at a time: used to move training chains */
    KR_UPDATE_IRREDUCIBLE = 2, /* alone reaches every state from every state */
    KR_UPDATE_NEEDS_DENSITY = 4,
    KR_UPDATE_IRREDUCIBLE_ONE_CLASS = 8, /* the same where all states form one pair_class */
    KR_UPDATE_COUPLES_CHAINS = 16,       /* moves chains 2k, 2k + 1 of a block together and
                                            leaves the product of their laws invariant */
    KR_UPDATE_ANY_WEIGHT = 32, /* leaves w(H) of target->flat invariant, whatever it holds */
    KR_UPDATE_LANE_BETA = 64,  /* alloc knows lane_beta; it may still refuse */
    KR_UPDATE_POOL = 128, /* takes proposals from the block's pool of its density, if any */
    KR_UPDATE_SHARES_CHOICE = 256, /* a choice that looks at no state is made once for all
                                      chains of a block: each has the law of a block of one, and
                                      pi x pi stays: chains in equilibrium are uncorrelated */
    KR_UPDATE_FREE_MOVES = 512,    /* moves states beside its attempts where nothing can be
                                      refused; the tally counts these as changed only */
    KR_UPDATE_MEANS = 1024,  /* every sweep adds to tally->means: their mean in equilibrium is
                                that of the quantities themselves (Rao-Blackwell) */
    KR_UPDATE_BLOCKS = 2048, /* takes KR_DENSITY_BLOCK; has the member reach, and with such a
                                density is irreducible where it reaches all sites */
    KR_UPDATE_ONE_CLUSTER = 4096, /* an attempt changes the cluster of a random site */
    KR_UPDATE_CLUSTERS = 8192,    /* gives N <|m|^2> of its clusters (model/quantity.h) */
};

/* What an update learns from the chains that it moves, in the first three quarters of
 * thermalize; frozen after it. An update with a density learns again, from the start, when the
 * chains thermalize under weights that were trained since. */
#define KR_MOMENTS_CALLS 16 /* of tune at least, or a run that wants moments is refused */

typedef struct kr_moments { /* of every site over n states */
    int64_t n;
    double *mean, *m2; /* (n_sites) m2: sum of squared distances from the mean */
} kr_moments;

typedef struct kr_tuning {
    double acceptance;     /* of its attempts in all chains of the point since the last call */
    int64_t call, n_calls; /* 1, 2, ... of those until it is frozen */
    const kr_moments *moments; /* of the states of all chains now, or NULL; with has_moments */
} kr_tuning;

/* What an instance of an update is made for. */
typedef struct kr_update_setting {
    const kr_target *target;   /* borrowed */
    const kr_density *density; /* with KR_UPDATE_NEEDS_DENSITY, else NULL; borrowed */
    int32_t n_lanes;           /* most chains of a block it will be called with */
    kr_isa isa;                /* KR_ISA_BEST: what this CPU runs fastest */
    const double *lane_beta;   /* (n_lanes) each chain at its own beta, or NULL: all at that of
                                  target; with KR_UPDATE_LANE_BETA */
} kr_update_setting;

typedef struct kr_update_plug {
    const char *name, *doc, *source;
    const kr_field
        *fields; /* of this update; `sweeps`, `density` and `name` are the schedule's */
    size_t params_size;
    unsigned flags;
    unsigned layouts; /* kr_layout bits it takes; the sampler converts */
    bool (*supports)(const kr_target *target, const void *params, kr_error *why);
    void *(*alloc)(const kr_update_setting *setting, const void *params, kr_error *err);
    void (*free)(void *self);
    size_t (*scratch_bytes)(const void *self, int32_t n_lanes);
    /* Fold in which this instance wants its states, or NULL: one of `layouts`; may be NULL. */
    const kr_fold *(*fold)(const void *self);
    /* How this instance runs, e.g. "bits"; why it runs none of the faster ways, in one line, or
     * NULL. The members may be NULL. */
    const char *(*engine)(const void *self);
    const char *(*engine_reason)(const void *self);
    /* Sets to 1 in is_reached (n_sites) the sites whose states it may change. The member may be
     * NULL: all. */
    void (*reach)(const void *self, uint8_t *is_reached);
    /* n_sweeps >= 1 sweeps of every lane of the block. One sweep is N attempts of a local move,
     * one cluster (Wolff), one decomposition (Swendsen-Wang), one global proposal. Leaves
     * exp(-beta H) invariant; the result does not depend on how sweeps are grouped in calls.
     * Cannot fail. Threads: pure given its own block, scratch and tally. */
    void (*sweep)(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                  kr_tally *tally);
    /* All or none. tune: after each draw of thermalize; serial. declare: rows of all that it
     * changes. */
    void (*tune)(void *self, const kr_tuning *seen);
    int (*declare)(void *self, kr_state *table, kr_error *err);
    /* The step found, or NaN, with tune; whether tune wants moments: may be NULL. */
    double (*tuned)(const void *self);
    bool (*has_moments)(const void *self);
    /* (n_sites) the scale found for every site, or NULL; the member may be NULL. */
    const double *(*tuned_scale)(const void *self);
} kr_update_plug;

/* ---- observables ----------------------------------------------------------------------- */

typedef struct kr_column {
    const char *name, *unit, *doc;
} kr_column;

/* A quantity computed from means of a column x by jackknife:
 *   KR_DERIVED_VARIANCE  beta^beta_power N^site_power (<x^2> - <x>^2)
 *   KR_DERIVED_BINDER    1 - <x^2>/(3 <x>^2), x the squared order parameter
 *   KR_DERIVED_MEAN      beta^beta_power N^site_power <x>
 * or of x and others a, b, c:
 *   KR_DERIVED_CONNECTED <x> - <a>^2
 *   KR_DERIVED_MASS      arcosh((<a> + <b> - 2 <c>^2)/(2 (<x> - <c>^2)))
 *   KR_DERIVED_LENGTH    factor (<x>/<a> - 1)^(1/2)
 *   KR_DERIVED_STIFFNESS <x> - beta N <a>
 *   KR_DERIVED_LOG_ODDS  ln(<x>/(1 - <x>)), x 0 or 1 */
typedef enum kr_derived_kind {
    KR_DERIVED_VARIANCE,
    KR_DERIVED_BINDER,
    KR_DERIVED_MEAN,
    KR_DERIVED_CONNECTED,
    KR_DERIVED_MASS,
    KR_DERIVED_LENGTH,
    KR_DERIVED_STIFFNESS,
    KR_DERIVED_LOG_ODDS,
} kr_derived_kind;
#define KR_DERIVED_OTHERS 3
typedef struct kr_derived {
    const char *name, *column;
    kr_derived_kind kind;
    int beta_power, site_power;
    const char *unit, *doc;
    const char *other[KR_DERIVED_OTHERS]; /* columns, NULL where the kind has none */
    double factor;
} kr_derived;

enum {
    /* Of replica pairs: chains 2k and 2k + 1 of a point, which share the couplings. One row per
     * pair, so that nothing counts a pair twice; results of pairs have their own group in the
     * result file. Needs an even number of chains; no pair is split over blocks. */
    KR_OBSERVABLE_PAIRS = 1,
    /* Looks at the model at two values of a parameter: params begin with kr_slope_params, and
     * targets come with their slope. */
    KR_OBSERVABLE_SLOPE = 2,
    KR_OBSERVABLE_LABELED = 4, /* params begin with char label[KR_TEXT_MAX]; one entry each */
};

typedef struct kr_observable_plug {
    const char *name, *doc, *source;
    const kr_field *fields;
    size_t params_size;
    bool (*supports)(const kr_target *target, const void *params, kr_error *why);
    void *(*alloc)(const kr_target *target, const void *params, int32_t n_chains,
                   kr_error *err);
    void (*free)(void *self);
    /* (n_columns) of this instance; constant after alloc, the same names at all points */
    const kr_column *(*columns)(const void *self, int32_t *n_columns);
    const kr_derived *derived; /* of one column each; ends with name == NULL; may be NULL */
    /* Those of this instance beside them, of several columns too; the member may be NULL. */
    const kr_derived *(*more_derived)(const void *self);
    /* Exact mean of a column in at most about most_work multiplications; NaN: not known. The
     * member may be NULL: none is. Quantities of model/exact.h have theirs from there. */
    double (*exact)(const void *self, const kr_target *target, int32_t column,
                    double most_work);
    unsigned layouts; /* kr_layout bits it takes, CHAIN among them */
    unsigned flags;
    /* block->count is current. out (n_lanes, n_columns) filled; with KR_OBSERVABLE_PAIRS
     * (n_lanes/2, n_columns), row k of the lanes 2k and 2k + 1. Memory between draws (last
     * phase of a chain) lives in self, by block->first_chain + lane, and is declared. Threads:
     * called for several blocks of a point at once, writes to self for own chains only. */
    void (*measure)(void *self, const kr_block *block, double *out);
    int (*declare)(void *self, kr_state *table, kr_error *err); /* may be NULL */
} kr_observable_plug;

#endif
