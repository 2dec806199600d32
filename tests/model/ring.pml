/* ring.pml - the ring of transport/ring.c as a Spin model.
 *
 * A producer sends M messages of one or two cells and closes; a consumer takes them and sleeps whenever there are
 * none; each may be killed at any step, and a node tells the other. Checked: no message is seen half
 * written, out of order, twice or not at all; what was committed before a kill arrives; nobody sleeps for ever
 * (an invalid end state).
 *
 * Memory is as processors have it: the store that publishes a cell waits in a store buffer while the producer goes on
 * to look whether the consumer sleeps; a fence waits for the buffer, membarrier(2) empties it from afar. So does the
 * store that tells the consumer's progress, until the end of its poll.
 *
 * Mutants, each must fail: NO_FENCE (the producer never fences), NO_BARRIER (the consumer takes "cheap" back
 * without membarrier), NO_STALE (old bytes of a raw cell stay where a lap is looked for), EARLY (published
 * before the payload is complete), NO_SECOND_LOOK (asleep without a look after arming), NO_GUARD (the ring
 * is filled to the last cell), NO_TOLD_FENCE (the consumer looks for a waiting producer before that can see what was
 * told).
 */
#define N 4 /* cells */
#define M 6 /* messages */
#define TELL 1 /* progress is told after so many cells, when nothing is left */
#define TELL_LATEST 2 /* and after so many in any case */
#define CHEAP 3 /* messages without a sleep until the producer's fence is spared */
#define LAPS 8 /* laps are counted modulo */
#define FIN 99
#define HALF 77
#define STALE 50 /* no lap */

#define CELLS(m) (1 + (m) % 2)
#define NEXT_LAP(l) (((l) + 1) % LAPS)

/* What is in shared memory. */
byte word[N], value[N];
byte told;                /* cells that the consumer is done with */
bool armed, cheap, want;

bool consumer_bell, producer_bell; /* eventfds */

/* The publishing store on its way. */
bool buffered;
byte buffered_at, buffered_word;

/* The consumer's store of its progress, likewise. */
bool telling;
byte telling_told;

byte committed; /* messages whose publishing store was issued */
bool producer_killed, consumer_killed;
bool producer_known_dead, consumer_known_dead; /* the node has told it */

inline flush() {
	d_step {
		word[buffered_at] = buffered_word;
		buffered = false
	}
}

active proctype store_buffer() {
end:
	do
	:: atomic { buffered -> flush() }
	od
}

active proctype consumer_store_buffer() {
end:
	do
	:: atomic { telling -> d_step { told = telling_told; telling = false } }
	od
}

/* The consumer says how far it is. */
inline tell() {
	atomic {
		!telling;
		telling = true;
		telling_told = done;
		last_told = done;
		has_told = true
	}
}

/* At the end of a poll in which it did. */
inline wake_producer() {
	if
	:: has_told ->
		has_told = false;
#ifndef NO_TOLD_FENCE
		!telling;
#endif
		if
		:: want -> want = false; producer_bell = true
		:: else
		fi
	:: else
	fi
}

/* Publish the cell at i, which begins a message of k cells; i and lap move on. */
inline publish(v, k) {
	d_step {
		at = i;
		at_lap = lap;
		i = i + k;
		sent = sent + k
	}
	if
	:: i >= N -> i = i - N; lap = NEXT_LAP(lap)
	:: else
	fi;
#ifndef NO_STALE
	if
	:: v != FIN -> word[i] = STALE
	:: else
	fi;
#endif
	atomic {
		!buffered;
		buffered = true;
		buffered_at = at;
		buffered_word = at_lap;
		if
		:: v != FIN -> committed = v
		:: else
		fi
	}
#ifdef EARLY
	value[at] = v;
#endif
	/* wake_consumer */
	is_cheap = cheap;
#ifndef NO_FENCE
	if
	:: !is_cheap -> !buffered
	:: else
	fi;
#endif
	if
	:: armed -> armed = false; consumer_bell = true
	:: else
	fi
}

#ifdef NO_GUARD
#define ROOM(k) (N - (sent - told) >= (k))
#else
#define ROOM(k) (N - (sent - told) > (k))
#endif

active proctype producer() {
	byte m = 1, i = 0, lap = 1, sent = 0, at, at_lap;
	bool is_cheap;
	{
		do
		:: m <= M && !consumer_known_dead ->
			do
			:: ROOM(CELLS(m)) || consumer_known_dead -> break
			:: else ->
				want = true;
				if
				:: ROOM(CELLS(m)) || consumer_known_dead
				:: else -> atomic { producer_bell -> producer_bell = false }
				fi;
				want = false
			od;
			if
			:: consumer_known_dead -> break
			:: else
			fi;
#ifdef EARLY
			value[i] = HALF;
#else
			value[i] = HALF;
			value[i] = m;
#endif
			if
			:: CELLS(m) == 2 -> /* a raw cell: a user's bytes, the worst there are */
				d_step { at = (i + 1) % N; at_lap = (i + 1 >= N -> NEXT_LAP(lap) : lap) }
				if
				:: word[at] = NEXT_LAP(at_lap)
				:: word[at] = at_lap
				fi;
				value[at] = HALF
			:: else
			fi;
			publish(m, CELLS(m));
			m++
		:: else -> break
		od;
		if
		:: !consumer_known_dead -> value[i] = FIN; publish(FIN, 1)
		:: else
		fi
	} unless { producer_killed }
}

active proctype consumer() {
	byte due = 1, j = 0, lap = 1, done = 0, v, awake = 0, last_told = 0;
	bool was_cheap, last, has_told = false;
	{
		do
		:: word[j] == lap ->
			v = value[j];
			if
			:: v == FIN -> assert(due == M + 1); break
			:: else
			fi;
			assert(v == due);
			due++;
			d_step { j = j + CELLS(v); done = done + CELLS(v); awake++ }
			if
			:: j >= N -> j = j - N; lap = NEXT_LAP(lap)
			:: else
			fi;
			if
			:: done - last_told >= TELL ->
				tell();
				if
				:: awake >= CHEAP -> cheap = true
				:: else
				fi
			:: done - last_told < TELL_LATEST /* it has what it waited for */
			fi;
			if
			:: wake_producer() /* the poll ends here */
			:: true
			fi
		:: else ->
			wake_producer();
			if
			:: done - last_told >= TELL -> tell(); wake_producer()
			:: else
			fi;
			last = producer_known_dead;
			if
			:: last && word[j] != lap -> assert(due == committed + 1); break
			:: last && word[j] == lap
			:: !last ->
				was_cheap = cheap;
				cheap = false;
				armed = true;
				awake = 0;
#ifndef NO_BARRIER
				if
				:: was_cheap -> atomic { if :: buffered -> flush() :: else fi }
				:: else
				fi;
#endif
#ifdef NO_SECOND_LOOK
				atomic { consumer_bell -> consumer_bell = false }
#else
				if
				:: word[j] == lap
				:: else -> atomic { consumer_bell -> consumer_bell = false }
				fi;
#endif
				armed = false
			fi
		od
	} unless { consumer_killed }
}

/* At most one of the two is killed, at any moment. */
active proctype fate() {
	if
	:: producer_killed = true
	:: consumer_killed = true
	:: skip
	fi
}

/* Tells who is left. A process is dead only when its stores are done. */
active proctype node() {
end:
	do
	:: atomic { producer_killed && !producer_known_dead && !buffered -> producer_known_dead = true }
		consumer_bell = true
	:: atomic { consumer_killed && !consumer_known_dead -> consumer_known_dead = true }
		producer_bell = true
	od
}
