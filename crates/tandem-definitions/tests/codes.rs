//! One test a code: the correct project with one thing broken, and the finding at the very word.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{broken, flights, the};
use tandem_definitions::{Code, File, read};

const TEAM: &str = "tandem.yaml";
const SCHEDULE: &str = "sources/schedule.odcs.yaml";
const LANDINGS: &str = "sources/landings.odcs.yaml";
const AIRCRAFT: &str = "features/aircraft.yaml";
const ROUTE: &str = "features/route.yaml";
const QUESTION: &str = "questions/late_landing.yaml";
const MODEL: &str = "models/late/model.yaml";
const ON: &str = "{on: schedule, at: 1 hour before sched_dep, where: \"tailnum is not null\"}";
const VALUE: &str = "value: last_arrival_delay > 15";

/// The finding stands at this line and column, marks this text, and its message and help say these words.
fn assert_found(code: Code, files: &[File], at: (usize, usize), text: &str, says: &str, helps: &str) {
    let found = the(code, files);
    assert_eq!(
        (found.place.line, found.place.column, found.text.as_str()),
        (at.0, at.1, text),
        "{}",
        common::line(&found)
    );
    assert!(found.message.contains(says), "{}", common::line(&found));
    assert!(found.help.contains(helps), "{}", common::line(&found));
}

macro_rules! cases {
    ($($name:ident: $code:ident, $files:expr, $at:expr, $text:literal, $says:literal, $helps:literal;)*) => {
        $(#[test] fn $name() { assert_found(Code::$code, &$files, $at, $text, $says, $helps); })*
        const COVERED: &[Code] = &[$(Code::$code),*];
    };
}

fn with(path: &str, text: &str) -> Vec<File> {
    let mut files = flights();
    files.retain(|f| f.path != path);
    files.push(File { path: path.to_owned(), text: text.to_owned() });
    files
}

fn without(path: &str) -> Vec<File> {
    let mut files = flights();
    files.retain(|f| f.path != path);
    files
}

/// The first feature of the aircraft with another expression.
fn value(sql: &str) -> Vec<File> {
    broken(AIRCRAFT, VALUE, &format!("value: {sql}"))
}

cases! {
    unknown_role: UnknownRole, broken(AIRCRAFT, "    value: last(arr_delay)", "    as: receiver\n    value: last(arr_delay)"), (13, 9), "receiver", "touch no aircraft as `receiver`", "as receiver";
    no_parent: NoParent, value("route.flights_30d > 15"), (8, 12), "route.flights_30d", "which route the aircraft belongs to", "belongs_to";
    parent_of_too_many_parts: BadParent, broken(TEAM, "by its tail number\"}", "by its tail number\", belongs_to: [{entity: route, by: [last_arrival_delay]}]}"), (8, 89), "route", "has 2 parts", "origin, dest";
    not_yaml: NotYaml, broken(TEAM, "name: flights", "name: flights: two"), (1, 14), ": two", "is not YAML", "Mend";
    unknown_key: UnknownKey, broken(AIRCRAFT, "    where: arr", "    wehre: arr"), (20, 5), "wehre", "`wehre` is not a key of a feature", "`where`";
    wrong_type: WrongType, broken(QUESTION, "at_least: 0.65", "at_least: high"), (16, 38), "high", "must be a number", "0.65";
    missing_key: MissingKey, broken(QUESTION, "  within: 24 hours\n", ""), (8, 9), "", "`within` is missing in `lands_late`", "Add `within:`";
    duplicate_key: DuplicateKey, broken(MODEL, "owner: sam", "owner: sam\nowner: pat"), (4, 1), "owner", "first is on line 3", "Keep one";
    several_documents: SeveralDocuments, broken(MODEL, "lock: requirements.lock", "lock: requirements.lock\n---\nmore: 1"), (9, 1), "m", "more than one", "---";
    bad_name: BadName, broken(TEAM, "name: flight,", "name: the flight,"), (7, 12), "the flight", "not a name", "letters, digits";
    not_allowed: NotAllowed, broken(QUESTION, "roc_auc", "rocauc"), (16, 19), "rocauc", "not allowed", "`roc_auc`";
    empty_file: EmptyFile, with(ROUTE, "# later\n"), (0, 0), "", "says nothing", "entity, features";
    stray_file: StrayFile, with("features/more.yml", "a: 1"), (0, 0), "", "Nothing reads", "features/*.yaml";
    no_project: NoProject, without(TEAM), (0, 0), "", "no tandem.yaml", "people";
    bad_duration: BadDuration, broken(AIRCRAFT, "over: 7 days", "over: a week"), (21, 11), "a week", "not a span", "7 days";
    bad_instant: BadInstant, broken(QUESTION, "test_from: 2013-11-01", "test_from: 2013-11-31"), (17, 20), "2013-11-31", "not a date", "2013-11-01";
    bad_instant_in_sql: BadInstant, broken(AIRCRAFT, "'2013-01-01'", "'new year'"), (20, 53), "'new year'", "no date or instant", "'2013-11-01'";
    unknown_zone: UnknownZone, broken(LANDINGS, "America/New_York", "America/NewYork"), (26, 37), "America/NewYork", "no time zone", "`America/New_York`";
    duplicate_name: DuplicateName, broken(ROUTE, "name: landings_30d", "name: last_arrival_delay"), (3, 11), "last_arrival_delay", "first in features/aircraft.yaml, line 9", "Rename";
    missing_meaning: MissingMeaning, broken(ROUTE, "    meaning: How often this route was flown in the last 30 days\n", ""), (3, 11), "", "says what `landings_30d` means", "Add `meaning:`";
    missing_owner: MissingOwner, broken(ROUTE, "last 30 days\n    owner: dana\n", "last 30 days\n"), (3, 11), "", "owner of `landings_30d`", "Add `owner:`";
    unknown_person: UnknownPerson, broken(QUESTION, "asked_by: pat", "asked_by: patt"), (3, 11), "patt", "not in the team", "`pat`";
    unknown_entity: UnknownEntity, broken(ROUTE, "entity: route", "entity: rout"), (1, 9), "rout", "no entity `rout`", "`route`";
    unknown_entity_in_contract: UnknownEntity, broken(LANDINGS, "value: aircraft", "value: aircaft"), (18, 91), "aircaft", "no entity", "`aircraft`";
    unknown_source: UnknownSource, broken(AIRCRAFT, "from: landings\n    value: last", "from: landing\n    value: last"), (12, 11), "landing", "no source `landing`", "`landings`";
    unknown_field: UnknownField, broken(AIRCRAFT, "where: arr_delay is", "where: arr_dealy is"), (20, 12), "arr_dealy", "`landings` has no field `arr_dealy`", "`arr_delay`";
    unknown_field_at: UnknownField, broken(QUESTION, "before sched_dep", "before sched_deb"), (6, 43), "sched_deb", "no field", "`sched_dep`";
    unknown_field_in_block: UnknownField, broken(AIRCRAFT, "sum(distance)", "sum(distanze)"), (27, 11), "distanze", "no field", "`distance`";
    unknown_feature: UnknownFeature, value("0 + last_arival_delay"), (8, 16), "last_arival_delay", "no feature", "`last_arrival_delay`";
    unknown_question: UnknownQuestion, broken(MODEL, "question: late_landing", "question: late_landings"), (4, 11), "late_landings", "no question", "`late_landing`";
    unknown_request: UnknownRequestField, broken(AIRCRAFT, "request.seats", "request.seat"), (28, 19), "seat", "no field `seat`", "`seats`";
    unknown_server: UnknownServer, broken(TEAM, "server: production", "server: laptop"), (6, 10), "", "`schedule` has none", "tandem.yaml";
    unknown_function: UnknownFunction, value("absolute(last_arrival_delay) > 15"), (8, 12), "absolute", "no function", "Take one of";
    unknown_aggregate: UnknownFunction, broken(AIRCRAFT, "value: last(arr_delay)", "value: stdev(arr_delay)"), (13, 12), "stdev", "no function", "`stddev`";
    variance_of_text: TypeMismatch, broken(AIRCRAFT, "value: last(arr_delay)", "value: var_samp(flight)"), (13, 21), "flight", "no variance of a string", "Fold a number";
    not_a_contract: NotAContract, broken(LANDINGS, "v3.2.0", "v2.2.0"), (1, 13), "v2.2.0", "version 3", "v3.2.0";
    not_one_schema: NotOneSchema, broken(LANDINGS, "schema:\n", "schema:\n  - {name: other, properties: []}\n"), (11, 5), "name: landings", "2 streams", "for each";
    no_event_time: NoEventTime, broken(LANDINGS, "value: event", "value: arrival"), (10, 11), "", "says when it happened", "timeRole, value: event";
    no_arrival_time: NoArrivalTime, broken(LANDINGS, ", customProperties: [{property: timeRole, value: arrival, vendor: tandem}]", ""), (10, 11), "", "first knew", "arrivalDelay: 5 minutes";
    several_arrivals: SeveralArrivalTimes, broken(LANDINGS, "property: timeZone, value: America/New_York", "property: arrival, value: observed"), (26, 36), "observed", "`landed_at` declares it", "Keep one";
    several_events: SeveralEventTimes, broken(SCHEDULE, "{name: sched_dep, logicalType: timestamp, required: true}", "{name: sched_dep, logicalType: timestamp, customProperties: [{property: timeRole, value: event, vendor: tandem}]}"), (23, 117), "event", "`sched_dep` is it already", "Keep";
    time_role: TimeRoleNotTime, broken(SCHEDULE, "{name: published_at, logicalType: timestamp", "{name: published_at, logicalType: string"), (23, 114), "event", "its type is string", "timestamp";
    incomplete_key: IncompleteKey, broken(SCHEDULE, ", customProperties: [{property: entity, value: route.dest, vendor: tandem}]", ""), (19, 90), "route.origin", "but not `dest`", "entity: route.dest";
    key_types: KeyTypesDiffer, broken(SCHEDULE, "{name: tailnum, logicalType: string", "{name: tailnum, logicalType: integer"), (18, 92), "aircraft", "a string in `landings.tailnum`", "logicalType";
    untouched: UntouchedEntity, broken(TEAM, "entities:", "entities:\n  - {name: crew, meaning: Who flies}"), (7, 12), "crew", "No source holds", "value: crew";
    type_not_read: FieldTypeNotRead, broken(LANDINGS, "{name: distance, logicalType: integer}", "{name: distance, logicalType: integer}\n      - {name: legs, logicalType: array}"), (25, 35), "array", "left out", "field of its own";
    unknown_property: UnknownProperty, broken(LANDINGS, "property: timeZone", "property: timezone"), (26, 20), "timezone", "no property `timezone`", "`timeZone`";
    corrects_nothing: CorrectsWithoutIdentity, broken(SCHEDULE, "5 minutes, vendor: tandem}", "5 minutes, vendor: tandem}\n      - {property: corrects, value: true}").into_iter().map(|mut f| { if f.path == SCHEDULE { f.text = f.text.replace("identity, value: true", "identity, value: false"); } f }).collect::<Vec<_>>(), (26, 37), "true", "which record a later one replaces", "identity";
    tombstone_of_nothing: BadTombstone, broken(LANDINGS, "      - {name: distance, logicalType: integer}", "      - {name: gone, logicalType: boolean, customProperties: [{property: tombstone, value: true}]}"), (24, 92), "true", "corrects nothing", "corrects, value: true";
    tombstone_type: BadTombstone, broken(LANDINGS, "      - {name: distance, logicalType: integer}", "      - {name: gone, logicalType: integer, customProperties: [{property: tombstone, value: true}]}"), (24, 92), "true", "its type is integer", "boolean";
    arrives_unknown: UnknownField, broken(LANDINGS, "      - {name: distance, logicalType: integer}", "      - {name: distance, logicalType: integer, customProperties: [{property: arrives, value: landed_att}]}"), (24, 94), "landed_att", "no field `landed_att`", "`landed_at`";
    arrives_no_time: BadArrives, broken(LANDINGS, "      - {name: distance, logicalType: integer}", "      - {name: distance, logicalType: integer, customProperties: [{property: arrives, value: arr_delay}]}"), (24, 94), "arr_delay", "of type number", "timestamp";
    arrives_of_a_key: BadArrives, broken(LANDINGS, "value: aircraft, vendor: tandem}", "value: aircraft, vendor: tandem}, {property: arrives, value: landed_at}"), (18, 145), "landed_at", "a part of an entity's key", "Take `arrives` off";
    negative_delay: NegativeDelay, broken(SCHEDULE, "5 minutes", "-5 minutes"), (25, 41), "-5 minutes", "before they happen", "0 seconds";
    no_location: NoLocation, broken(SCHEDULE, "servers: [{server: production, type: local, path: logs/schedule/*.parquet, format: parquet}]\n", ""), (1, 1), "", "records of `schedule` lie", "servers:";
    format: FormatNotRead, broken(SCHEDULE, "format: parquet", "format: avro"), (6, 84), "avro", "does not read", "parquet";
    reserved: ReservedField, broken(LANDINGS, "name: distance", "name: _arrived_at"), (24, 16), "_arrived_at", "stamps", "arrival: observed";
    bad_property: BadProperty, broken(LANDINGS, "property: timeZone, value: America/New_York", "property: arrival, value: sometimes"), (26, 36), "sometimes", "not known", "observed";
    syntax: SqlSyntax, value("last_arrival_delay > > 15"), (8, 33), ">", "not a SQL expression", "one SQL expression";
    syntax_end: SqlSyntax, value("last_arrival_delay >"), (8, 31), ">", "it ends", "one SQL expression";
    syntax_quote: SqlSyntax, value("\"last_arrival_delay > 'a\""), (8, 34), "'", "not a SQL expression", "quotes";
    not_supported: SqlNotSupported, value("last_arrival_delay > interval '1 hour'"), (8, 42), "'1 hour'", "Intervals", "seconds";
    not_supported_over: SqlNotSupported, value("last_arrival_delay in (select 1)"), (8, 12), "last_arrival_delay in (select 1)", "another query", "feature";
    types: TypeMismatch, value("last_arrival_delay > 'late'"), (8, 12), "last_arrival_delay > 'late'", "A number and a string cannot be compared", "without quotes";
    types_quoted: TypeMismatch, value("\"last_arrival_delay > 1 \\x61nd 'it''s' / 2 > 1\""), (8, 43), "'it''s'", "A number is wanted", "cast";
    types_condition: TypeMismatch, broken(AIRCRAFT, "arr_delay is not null and departed_at >= '2013-01-01'", "arr_delay"), (20, 12), "arr_delay", "A boolean is wanted", "Compare it";
    types_null: TypeMismatch, value("last_arrival_delay = null"), (8, 33), "null", "never true", "is null";
    without_from: AggregateWithoutFrom, value("mean(arr_delay) > 15"), (8, 12), "mean(arr_delay)", "no source is named", "from:";
    nested: NestedAggregate, broken(ROUTE, "value: count(*)", "value: max(count(*))"), (7, 16), "count(*)", "inside `max`", "feature";
    in_record: AggregateInRecord, broken(AIRCRAFT, "where: arr_delay is", "where: max(arr_delay) is"), (20, 12), "max(arr_delay)", "one record of `landings`", "value";
    nothing_folded: NothingAggregated, broken(AIRCRAFT, VALUE, "value: last_arrival_delay > 15\n    from: landings"), (9, 11), "landings", "folds none", "remove `from`";
    field_outside: FieldNotAggregated, broken(AIRCRAFT, "value: last(arr_delay)", "value: arr_delay + 1"), (13, 12), "arr_delay", "many of its records", "last(arr_delay)";
    arguments: WrongArguments, value("abs(last_arrival_delay, 2) > 1"), (8, 12), "abs(last_arrival_delay, 2)", "takes one value, but 2", "one value";
    parameter_missing: WrongArguments, broken(AIRCRAFT, "value: last(arr_delay)", "value: quantile(arr_delay)"), (13, 12), "quantile(arr_delay)", "a fraction, such as `(x, 0.9)`", "Give";
    parameter_fraction: WrongArguments, broken(AIRCRAFT, "value: last(arr_delay)", "value: quantile(arr_delay, 90)"), (13, 32), "90", "a fraction from 0 to 1", "quantile(x, 0.9)";
    parameter_number: WrongArguments, broken(AIRCRAFT, "value: last(arr_delay)", "value: nth_last(arr_delay, 0)"), (13, 32), "0", "from 1 to 100", "nth_last(x, 2)";
    parameter_half_life: WrongArguments, broken(AIRCRAFT, "value: last(arr_delay)", "value: decayed_sum(arr_delay, 'a week')"), (13, 35), "'a week'", "a half-life", "'7 days'";
    rate_of_all_time: RateOfAllTime, broken(AIRCRAFT, "value: last(arr_delay)", "value: rate_per_day(*)"), (13, 12), "rate_per_day", "all time has none", "over: 30 days";
    outcome_decays: LooksBack, broken(QUESTION, "max(arr_delay) > 30", "decayed_mean(arr_delay, '1 day') > 30"), (11, 10), "decayed_mean", "looks ahead", "max(x)";
    within_group: SqlNotSupported, broken(AIRCRAFT, "value: last(arr_delay)", "value: percentile_cont(0.9) within group (order by arr_delay)"), (13, 12), "percentile_cont(0.9) within group (order by arr_delay)", "both values", "percentile_cont(x, 0.9)";
    cycle: FeatureCycle, broken(ROUTE, "value: count(*)\n    over: 30 days", "value: case when is_running_late then landings_30d else 0 end"), (3, 11), "landings_30d", "landings_30d → landings_30d", "Break the chain";
    window_without_time: WindowWithoutEventTime, broken(SCHEDULE, "[{property: timeRole, value: event, vendor: tandem}]", "[]").into_iter().map(|mut f| { if f.path == ROUTE { f.text = f.text.replacen("from: landings", "from: schedule", 1); } f }).collect::<Vec<_>>(), (8, 11), "30 days", "no event time", "timeRole: event";
    bad_window: BadWindow, broken(AIRCRAFT, "over: 7 days", "over: 0 days"), (21, 11), "0 days", "holds no time", "positive";
    bad_window_ending: BadDuration, broken(AIRCRAFT, "over: 7 days", "over: 7 days, ending yesterday"), (21, 11), "7 days, ending yesterday", "how long ago", "7 days, ending 7 days ago";
    bad_window_lag: BadWindow, broken(AIRCRAFT, "over: 7 days", "over: 7 days, ending 0 days ago"), (21, 11), "7 days, ending 0 days ago", "`0 days` holds no time", "positive";
    bad_window_word: BadDuration, broken(AIRCRAFT, "over: 7 days", "over: tody in Europe/London"), (21, 11), "tody in Europe/London", "not a span", "`today`";
    bad_window_zone: UnknownZone, broken(AIRCRAFT, "over: 7 days", "over: this week in Europe/Lodnon"), (21, 11), "this week in Europe/Lodnon", "no time zone", "`Europe/London`";
    bad_window_negative: BadWindow, broken(QUESTION, "within: 24 hours", "within: -1 hour"), (12, 11), "-1 hour", "holds no time", "positive";
    entity_not_touched: EntityNotTouched, broken(LANDINGS, ", customProperties: [{property: entity, value: aircraft, vendor: tandem}]", "").into_iter().map(|mut f| { if f.path == AIRCRAFT { f.text = f.text[..f.text.find("  - name: mean").unwrap()].to_owned(); } f }).collect::<Vec<_>>(), (12, 11), "landings", "which aircraft", "`schedule`";
    bad_default: BadDefault, broken(AIRCRAFT, "default: 0", "default: none"), (14, 14), "none", "is a number", "default: 0.0";
    by_zero: DivisionByZero, value("last_arrival_delay / 0 > 1"), (8, 33), "0", "always null", "Divide";
    observation_time: BadObservationTime, broken(QUESTION, "1 hour before sched_dep", "1 hour ahead of sched_dep"), (6, 29), "1 hour ahead of sched_dep", "does not say an instant", "1 hour before FIELD";
    observation_entity: ObservationLacksEntity, broken(SCHEDULE, ", customProperties: [{property: entity, value: aircraft, vendor: tandem}]", ""), (6, 15), "schedule", "which aircraft", "entity: aircraft";
    observation_request: ObservationLacksRequest, broken(SCHEDULE, "name: seats", "name: chairs"), (6, 15), "schedule", "request.seats", "Add the field";
    no_outcome: NoOutcome, { let mut files = flights(); let q = files.iter_mut().find(|f| f.path == QUESTION).unwrap(); let (a, b) = (q.text.find("outcome:").unwrap(), q.text.find("features:").unwrap()); q.text.replace_range(a..b, ""); files }, (1, 7), "", "says no outcome", "Add `outcome:`";
    outcome_reads: OutcomeReadsMore, broken(QUESTION, "max(arr_delay) > 30", "max(arr_delay) > is_running_late"), (11, 27), "is_running_late", "only aggregations", "max(arr_delay)";
    outcome_number: OutcomeNotBoolean, broken(QUESTION, "max(arr_delay) > 30", "max(arr_delay)"), (16, 19), "roc_auc", "is a number", "condition";
    looks_back: LooksBack, broken(QUESTION, "max(arr_delay) > 30", "time_since_last() > 30"), (11, 10), "time_since_last", "looks ahead", "max(x)";
    observation_rules: TwoWaysToObserve, broken(QUESTION, "{on: schedule, at:", "{on: schedule, every: day 06:00, at:"), (6, 25), "every", "does not go with `on`", "`from: FILE`";
    observation_key: TwoWaysToObserve, broken(QUESTION, "{on: schedule, at: 1 hour before sched_dep, where:", "{every: day 06:00, for: flight, active_in: schedule, over: 2 days, at: sched_dep, where:"), (6, 77), "at", "does not go with `every`", "`every: Monday";
    observation_none: MissingKey, broken(QUESTION, "{on: schedule, at: 1 hour before sched_dep, where:", "{where:"), (6, 11), "", "when production would ask", "`on: SOURCE`";
    observation_part: MissingKey, broken(QUESTION, "{on: schedule, at: 1 hour before sched_dep, where:", "{on: schedule, where:"), (6, 15), "", "`at` is missing", "`at: FIELD`";
    calendar_day: BadCalendar, broken(QUESTION, ON, "{every: Munday 06:00, for: flight, active_in: schedule, over: 2 days}"), (6, 18), "Munday 06:00", "no day that comes again", "`Monday`";
    calendar_zone: UnknownZone, broken(QUESTION, ON, "{every: day 06:00 Europe/Lodnon, for: flight, active_in: schedule, over: 2 days}"), (6, 18), "day 06:00 Europe/Lodnon", "no time zone", "`Europe/London`";
    calendar_request: ObservationLacksRequest, broken(QUESTION, ON, "{every: day 06:00, for: flight, active_in: schedule, over: 2 days}"), (6, 18), "day 06:00", "request.seats", "from a file";
    file_ending: FormatNotRead, broken(QUESTION, ON, "{from: observations/late.xlsx}"), (6, 17), "observations/late.xlsx", "tells no format", "`.parquet`";
    folds_number: BadFolds, broken(QUESTION, "gap: 2 days", "folds: none, each: 30 days"), (17, 39), "none", "no number of folds", "from 1 to 1000";
    folds_each: BadFolds, broken(QUESTION, "gap: 2 days", "folds: 4"), (17, 39), "4", "how long the test window", "each: 30 days";
    each_alone: BadFolds, broken(QUESTION, "gap: 2 days", "each: 30 days"), (17, 38), "30 days", "how many", "folds: 4";
    retention: BadRetention, broken(LANDINGS, "schema:\n", "slaProperties: [{property: retention, value: long, unit: d}]\nschema:\n"), (9, 46), "long", "how long records are kept", "value: 90, unit: d";
    short_gap: ShortGap, broken(QUESTION, "gap: 2 days", "gap: 2 hours"), (17, 37), "2 hours", "(1 day)", "gap: 1 day";
    not_asked: FeatureNotAsked, broken(MODEL, "[is_running_late", "[is_running_late, share_late_30d"), (5, 29), "share_late_30d", "not among", "Add it";
    adopted_and_asked: AdoptedAndAsked, broken(MODEL, "question: ", "adopted: a.ipynb\nquestion: "), (4, 10), "a.ipynb", "only adopted", "Remove `adopted`";
    folder: ModelFolder, broken(MODEL, "name: late\n", "name: later\n"), (1, 7), "later", "models/late", "name: late";
    category_time: CategoryType, broken(ROUTE, "value: count(*)", "value: count(*)\n    by: landed_at"), (8, 9), "landed_at", "but this is a timestamp", "hour(t)";
    category_number: CategoryType, broken(ROUTE, "value: count(*)", "value: count(*)\n    by: arr_delay / 10"), (8, 9), "arr_delay / 10", "but this is a number", "Round it";
    category_field: UnknownField, broken(ROUTE, "value: count(*)", "value: count(*)\n    by: carier"), (8, 9), "carier", "no field `carier`", "";
    by_of_two: NotGrouped, broken(ROUTE, "value: count(*)", "value: sum(distance) / count(*)\n    by: tailnum"), (8, 9), "tailnum", "groups one aggregation", "another feature";
    categories_alone: NotGrouped, broken(ROUTE, "value: count(*)", "value: count(*)\n    categories: 5"), (8, 17), "5", "nothing is grouped", "Add `by:`";
    by_of_nothing: NothingAggregated, broken(AIRCRAFT, VALUE, "value: last_arrival_delay > 15\n    by: tailnum"), (9, 9), "tailnum", "folds none", "remove `by`";
    by_of_list: ListByCategory, broken(ROUTE, "value: count(*)", "value: top_k(tailnum, 3)\n    by: tailnum"), (8, 9), "tailnum", "gives a list", "one value";
    categories_none: CategoriesOutOfRange, broken(ROUTE, "value: count(*)", "value: count(*)\n    by: tailnum\n    categories: 0"), (9, 17), "0", "1 to 10000 categories", "coarser";
    categories_many: CategoriesOutOfRange, broken(ROUTE, "value: count(*)", "value: count(*)\n    by: tailnum\n    categories: 10001"), (9, 17), "10001", "1 to 10000 categories", "coarser";
    categories_half: WrongType, broken(ROUTE, "value: count(*)", "value: count(*)\n    by: tailnum\n    categories: 1.5"), (9, 17), "1.5", "a whole number", "such as `50`";
    map_as_input: NotOneValue, broken(AIRCRAFT, "value: mean(arr_delay)", "value: mean(arr_delay)\n    by: origin"), (5, 29), "mean_arrival_delay_7d", "a map from strings to numbers", "`mean_arrival_delay_7d['checkout']`";
    map_as_outcome: OutcomeNotBoolean, broken(QUESTION, "max(arr_delay) > 30", "last_n(arr_delay, 3)"), (16, 19), "roc_auc", "is a list of numbers", "`x[1]`";
    map_compared: TypeMismatch, broken(QUESTION, "max(arr_delay) > 30", "last_n(arr_delay, 3) > 30"), (11, 10), "last_n(arr_delay, 3)", "A list of numbers cannot be compared", "Read one element";
    list_place: WrongArguments, broken(QUESTION, "max(arr_delay) > 30", "last_n(arr_delay, 3)[0] > 30"), (11, 31), "0", "the first of a list is 1", "x[1]";
    list_key: TypeMismatch, broken(QUESTION, "max(arr_delay) > 30", "\"last_n(arr_delay, 3)['a'] > 30\""), (11, 32), "'a'", "An integer is wanted", "";
    list_of_list: SqlNotSupported, broken(QUESTION, "max(arr_delay) > 30", "last_n(arr_delay, 3)[1][1] > 30"), (11, 10), "last_n(arr_delay, 3)[1][1", "nothing within it", "x[1]";
    list_summed: TypeMismatch, broken(QUESTION, "max(arr_delay) > 30", "last_n(arr_delay, 3) + 1 > 30"), (11, 10), "last_n(arr_delay, 3)", "A number is wanted here, but this is a list of numbers", "Read one element";
    list_cast: TypeMismatch, broken(QUESTION, "max(arr_delay) > 30", "cast(last_n(arr_delay, 3) as string) > 'a'"), (11, 15), "last_n(arr_delay, 3)", "cannot become a string", "Read one element";
    list_default: BadDefault, broken(AIRCRAFT, "value: last(arr_delay)", "value: last_n(arr_delay, 3)"), (14, 14), "0", "is a list of numbers", "Remove it";
    not_a_list: TypeMismatch, value("last_arrival_delay[1] > 15"), (8, 12), "last_arrival_delay", "this is a number", "leave the brackets out";
    top_of_none: WrongArguments, broken(AIRCRAFT, "value: last(arr_delay)", "value: top_k(arr_delay, 101)"), (13, 29), "101", "from 1 to 100", "top_k(x, 2)";
    last_of_half: WrongArguments, broken(AIRCRAFT, "value: last(arr_delay)", "value: last_n(arr_delay, 1.5)"), (13, 30), "1.5", "from 1 to 100", "last_n(x, 2)";
    approx_of_text: TypeMismatch, broken(AIRCRAFT, "value: last(arr_delay)", "value: approx_percentile(flight, 0.5)"), (13, 30), "flight", "no approximate percentile of a string", "Fold a number";
    no_features: NoFeatures, broken(QUESTION, "[mean_arrival_delay_7d, is_running_late, miles_a_seat, landings_30d]", "[]"), (15, 11), "", "no features", "leave the key out";
}

#[test]
fn on_a_calendar_only_one_entity_is_named() {
    let files = broken(QUESTION, ON, "{every: day 06:00, for: flight, active_in: schedule, over: 2 days}");
    let found: Vec<_> =
        common::findings(&files).into_iter().filter(|d| d.code == Code::ObservationLacksEntity).collect();
    let names: Vec<&str> = found.iter().filter_map(|d| d.message.split(" which ").nth(1)?.split(',').next()).collect();
    assert_eq!(names, ["aircraft", "route"], "{found:#?}");
    assert!(found[0].message.contains("the feature `mean_arrival_delay_7d` needs one"), "{}", found[0].message);
}

#[test]
fn what_looks_back_further_than_is_kept_is_named() {
    let kept = |days: &str| {
        let level = format!("slaProperties: [{{property: retention, value: {days}}}]\nschema:\n");
        let found = common::findings(&broken(LANDINGS, "schema:\n", &level));
        found.iter().filter(|d| d.code == Code::NotKept).map(|d| format!("{}: {}", d.place.file, d.message)).collect()
    };
    let none: Vec<String> = kept("10, unit: y");
    // The delay of the last landing is over all time, and so is what reads it.
    let ever = "`NAME` needs every record of `landings` ever, and they are kept for ";
    let named = |name: &str, kept: &str| format!("{AIRCRAFT}: {}{kept}.", ever.replace("NAME", name));
    let all: Vec<String> = ["last_arrival_delay", "is_running_late"].map(|name| named(name, "3650 days")).into();
    assert_eq!(none.iter().filter(|m| all.contains(m)).count(), 2, "{none:#?}");
    let week: Vec<String> = kept("6, unit: days");
    let mean = "features/aircraft.yaml: `mean_arrival_delay_7d` needs the records of `landings` of 7 days, and they are kept for 6 days.";
    assert!(week.iter().any(|m| m == mean), "{week:#?}");
    let files = broken(LANDINGS, "schema:\n", "slaProperties: [{property: retention, value: 1, unit: y}]\nschema:\n");
    assert!(read(&files).0.sources.iter().any(|s| s.retention == Some(365 * 86_400_000_000)));
}

#[test]
fn a_question_needs_the_horizon_on_top() {
    let level = "slaProperties: [{property: retention, value: 12, unit: h}]\nschema:\n";
    let mut files = broken(LANDINGS, "schema:\n", level);
    let question = files.iter_mut().find(|f| f.path == QUESTION).unwrap();
    question.text =
        question.text.replace("[mean_arrival_delay_7d, is_running_late, miles_a_seat, landings_30d]", "[told]");
    let features = files.iter_mut().find(|f| f.path == ROUTE).unwrap();
    features.text += "  - {name: told, meaning: What is told, owner: sam, from: schedule, value: count(*)}\n";
    let found = common::findings(&files).into_iter().find(|d| d.code == Code::NotKept && d.place.file == QUESTION);
    let message = found.unwrap().message;
    assert_eq!(
        message,
        "A row of the training set of `late_landing` needs the records of `landings` of 1 day 12 hours, and they are kept for 12 hours."
    );
}

#[test]
fn folds_follow_each_other() {
    let (project, found) = read(&broken(QUESTION, "gap: 2 days", "gap: 2 days, folds: 3, each: 30 days"));
    assert!(!found.iter().any(tandem_definitions::Diagnostic::is_error), "{found:#?}");
    let split = &project.questions[0].split;
    let text = tandem_definitions::time::format_instant;
    let folds: Vec<_> =
        split.folds().map(|f| (f.number, text(f.train_before), text(f.test_from), f.test_until.map(text))).collect();
    let fold = |number, train: &str, from: &str, until: &str| {
        let midnight = |day: &str| format!("{day}T00:00:00Z");
        (number, midnight(train), midnight(from), Some(midnight(until)))
    };
    let expected = [
        fold(1, "2013-10-30", "2013-11-01", "2013-12-01"),
        fold(2, "2013-11-29", "2013-12-01", "2013-12-31"),
        fold(3, "2013-12-29", "2013-12-31", "2014-01-30"),
    ];
    assert_eq!(folds, expected);
    assert_eq!(split.last().number, 3);
}

#[test]
fn a_cycle_is_printed_as_a_chain() {
    let files = broken(ROUTE, "value: count(*)", "value: count(*) + case when is_running_late then 1 else 0 end");
    let mut files = files;
    let file = files.iter_mut().find(|f| f.path == AIRCRAFT).unwrap();
    file.text = file.text.replace(VALUE, "value: landings_30d > 15");
    let found = the(Code::FeatureCycle, &files);
    assert!(found.message.contains("is_running_late → landings_30d → is_running_late"), "{}", found.message);
}

#[test]
fn one_mistake_is_one_finding() {
    for (path, from, to) in [
        (AIRCRAFT, "value: last(arr_delay)", "value: last(arr_dealy)"),
        (
            AIRCRAFT,
            "    owner: sam\n    value: last_arrival_delay > 15",
            "    ownr: sam\n    value: last_arrival_delay > 15",
        ),
        (LANDINGS, "value: event", "value: evnt"),
        (QUESTION, "from: landings", "from: landing"),
    ] {
        let found: Vec<String> = common::findings(&broken(path, from, to)).iter().map(common::line).collect();
        assert!(found.len() == 1, "{}", found.join("\n"));
    }
}

#[test]
fn all_findings_of_a_file_come_at_once() {
    let mut files = broken(QUESTION, "asked_by: pat", "asked_by: patt");
    let file = files.iter_mut().find(|f| f.path == QUESTION).unwrap();
    file.text = file
        .text
        .replace("at_least: 0.65", "at_least: high")
        .replace("2013-11-01", "soon")
        .replace("decides", "decide");
    let codes: Vec<&str> =
        common::findings(&files).iter().filter(|d| d.place.file == QUESTION).map(|d| d.code.id()).collect();
    assert_eq!(codes, ["T123", "T102", "T103", "T113"]);
}

#[test]
fn every_code_of_definitions_is_tested() {
    // What is kept is the business of several features at once: it has a test of its own. Roles have a scenario.
    let covered: BTreeSet<&str> =
        COVERED.iter().chain([&Code::NotKept, &Code::WhichOfSeveral]).map(|c| c.id()).collect();
    let missing: Vec<&str> =
        Code::all().iter().map(|c| c.id()).filter(|id| id.starts_with("T1") && !covered.contains(id)).collect();
    assert!(missing.is_empty(), "without a test: {missing:?}");
}

#[test]
fn every_code_is_unique_and_has_a_page() {
    let ids: BTreeSet<&str> = Code::all().iter().map(|c| c.id()).collect();
    assert_eq!(ids.len(), Code::all().len());
    for code in Code::all() {
        let page = code.page();
        assert!(page.starts_with(&format!("# {}: {}\n", code.id(), code.title())), "{code}");
        for heading in ["## Why it matters", "## Example", "## What to do"] {
            assert!(page.contains(heading), "{code} lacks {heading}");
        }
        assert_eq!(serde_json::to_value(code).unwrap(), code.id());
        assert_eq!(Code::find(&code.id().to_lowercase()), Some(*code));
    }
}
