"""English antonyms for the task `antonyms`, written down by hand.

Every pair is checked for being an opposite in a plain sense of both words, and no word stands twice, so that a foil is
never another prompt's word and either direction can be asked. A tokenizer rarely has all of them as single tokens after
a quotation mark: SmolLM2's has 174 pairs, GPT-2's about 140; the others are left out, with that reason.
"""

from __future__ import annotations

_PAIRS = """
large/small hot/cold good/bad new/old long/short high/low fast/slow hard/soft light/dark rich/poor strong/weak wet/dry
open/closed true/false up/down left/right day/night black/white early/late easy/difficult thick/thin narrow/wide
shallow/deep inside/outside male/female before/after positive/negative public/private alive/dead rough/smooth
success/failure north/south east/west always/never yes/no minimum/maximum internal/external major/minor summer/winter
top/bottom front/back sad/happy loud/quiet far/near life/death start/finish end/begin above/below over/under
complex/simple passive/active war/peace push/pull buy/sell give/take cheap/expensive empty/full clean/dirty sharp/dull
love/hate last/first safe/dangerous win/lose friend/enemy possible/impossible legal/illegal normal/abnormal
increase/decrease on/off out/in awake/asleep present/absent cool/warm better/worse best/worst big/little bright/dim
accept/reject add/remove multiply/divide admit/deny advance/retreat agree/disagree all/none appear/disappear
arrive/depart artificial/natural attack/defend beautiful/ugly bold/timid boring/interesting borrow/lend brave/cowardly
build/destroy cause/effect ceiling/floor certain/uncertain adult/child combine/separate come/go common/rare
connect/disconnect continue/stop cruel/kind victory/defeat demand/supply dependent/independent enter/exit even/odd
everything/nothing everywhere/nowhere everybody/nobody explicit/implicit import/export fact/fiction fake/real
fertile/barren many/few finite/infinite forget/remember forward/backward freeze/melt frequent/infrequent fresh/stale
gain/loss generous/selfish gentle/harsh global/local guilty/innocent heaven/hell here/there hero/villain
horizontal/vertical same/different include/exclude input/output inferior/superior join/leave junior/senior
knowledge/ignorance laugh/cry lead/follow less/more lock/unlock logical/illogical loose/tight lost/found
majority/minority mental/physical moral/immoral mortal/immortal least/most obey/disobey occupied/vacant often/seldom
optimistic/pessimistic order/chaos parallel/perpendicular past/future patient/impatient perfect/imperfect
permanent/temporary plus/minus polite/rude plural/singular poverty/wealth powerful/powerless praise/blame
presence/absence question/answer upper/lower regular/irregular rise/fall rural/urban sane/insane scarce/abundant
secure/insecure sink/float sit/stand sour/sweet special/ordinary stable/unstable straight/crooked strength/weakness
strict/lenient sunrise/sunset wild/tame throw/catch together/apart trust/distrust truth/lie useful/useless
valid/invalid vague/clear voluntary/compulsory wise/foolish with/without work/play accurate/inaccurate
adequate/inadequate amateur/professional approve/disapprove available/unavailable beginner/expert capable/incapable
careful/careless coarse/fine compatible/incompatible conscious/unconscious consistent/inconsistent
convenient/inconvenient dense/sparse direct/indirect encourage/discourage equal/unequal expected/unexpected
fair/unfair familiar/unfamiliar formal/informal friendly/hostile honest/dishonest important/unimportant inhale/exhale
inner/outer intelligent/stupid likely/unlikely literal/figurative mature/immature necessary/unnecessary
objective/subjective indoor/outdoor peaceful/violent proud/ashamed proper/improper relevant/irrelevant
reliable/unreliable responsible/irresponsible reward/punishment receive/send smart/dumb static/dynamic
sufficient/insufficient theory/practice tidy/messy transparent/opaque vice/virtue winner/loser analog/digital
ascending/descending suffix/prefix concrete/abstract absolute/relative offensive/defensive conservative/liberal
credit/debit host/guest interior/exterior arrival/departure beginning/ending strengthen/weaken maximize/minimize
enable/disable attach/detach insert/delete install/uninstall load/unload pack/unpack fold/unfold activate/deactivate
encode/decode encrypt/decrypt upload/download online/offline foreground/background uppercase/lowercase dawn/dusk
calm/nervous crowded/deserted defense/offense compress/expand correct/wrong for/against fail/pass fat/lean fill/drain
initial/final hire/fire foreign/native visible/hidden general/specific growth/decay harm/help head/tail hit/miss
hold/release home/away ill/healthy known/unknown primary/secondary multiple/single pure/mixed modern/traditional
move/stay required/optional original/copy part/whole half/double total/partial allow/prevent previous/next
solution/problem consumption/production cooked/raw read/write break/repair save/waste hide/show since/until sleep/wake
spoken/written talk/listen ask/tell this/that tiny/massive constant/variable acid/base acute/chronic civil/military
cost/benefit emotional/rational fore/aft merge/split absorb/reflect store/retrieve from/to ability/inability land/sea
now/then
"""

WORD_PAIRS: dict[str, str] = dict(pair.split("/") for pair in _PAIRS.split())
"""Word -> antonym, one direction a pair."""
