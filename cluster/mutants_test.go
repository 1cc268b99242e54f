package cluster

// What a test says that notices a mutant.
const (
	two   = "TWO HOLDERS"
	fails = "--- FAIL"
)

// mutants are the rules of ownership, taken away one at a time. Where one rule backs
// another up no schedule misses it, and a unit test does: a refusal or an answer of
// another term carries no mark; a word of another term comes while the voter has a
// leader; an owner's own grant outlives what its answer would have released.
var mutants = []mutant{
	// Grants: the register, and the marks of answers.
	{
		name:  "a grant to one leader at a time",
		edits: []edit{{"grants.go", "return g.to == leader || now >= g.until", "return true"}},
		tests: "TestSimulation", want: two, hostile: true,
	},
	{
		name:  "a mark only by the register",
		edits: []edit{{"relay.go", "default:\n\t\tresp.Addr = n.taken", "default:\n\t\tresp.Addr = n.granting"}},
		tests: "TestSimulation", want: two, hostile: true,
	},
	{
		name:  "a vote is a grant only by the register",
		edits: []edit{{"votes.go", "n.member.Load() && n.grants.give(", "n.member.Load() || n.grants.give("}},
		tests: "TestVoteForACalledCandidateIsAGrant", want: fails,
	},
	{
		name:  "a vote is a grant only of a member",
		edits: []edit{{"votes.go", "n.member.Load() && n.grants.give(", "n.grants.give("}},
		tests: "TestVotesThatAreNoGrants", want: fails,
	},
	{
		name:  "a vote is a grant only to who was called",
		edits: []edit{{"votes.go", "!req.LeadershipTransfer || resp.Term != req.Term", "resp.Term != req.Term"}},
		tests: "TestVotesThatAreNoGrants", want: fails,
	},
	{
		name:  "what a vote grants counts",
		edits: []edit{{"transport.go", "t.node.elected(string(id), sent, req, resp)", "_ = sent"}},
		tests: "TestWinnerOfAHandOverAsksNoMore", want: fails,
	},
	{
		name:  "what a vote grants counts from the sending",
		edits: []edit{{"votes.go", "sent+leaseLength(length)", "max(sent, n.now())+leaseLength(length)"}},
		tests: "TestWhatAVoteGrantsCounts", want: fails,
	},
	{
		name:  "what a vote grants is as long as the voter says",
		edits: []edit{{"votes.go", "sent+leaseLength(length)", "sent+leaseLength(n.cfg.grantLength())"}},
		tests: "TestWhatAVoteGrantsCounts", want: fails,
	},
	{
		name:  "what a vote grants is of its term",
		edits: []edit{{"votes.go", "!resp.Granted || resp.Term != req.Term ||", "!resp.Granted ||"}},
		tests: "TestWhatAVoteGrantsCounts", want: fails,
	},
	{
		name:  "a word ends grants of its own term only",
		edits: []edit{{"grants.go", `if g.to != "" && g.term == term {`, `if g.to != "" {`}},
		tests: "TestGrantEndsWithTheWordOfItsLeader", want: fails,
	},
	{
		name:  "a word ends no quiet time",
		edits: []edit{{"grants.go", `if g.to != "" && g.term == term {`, "if g.term == term {"}},
		tests: "TestQuietTimeAfterAStartHasNoLeader", want: fails,
	},
	{
		name:  "a grant is never shortened",
		edits: []edit{{"grants.go", "leader, term, max(g.until, until)", "leader, term, until"}},
		tests: "TestGrantIsNeverShortened", want: fails,
	},
	{
		name:  "a grant is of its newest term",
		edits: []edit{{"grants.go", "term = max(term, g.term) // answers overtake each other", "term = max(term, 0)"}},
		tests: "TestGrantIsOfItsNewestTerm", want: fails,
	},
	{
		name:  "a marked length has bounds",
		edits: []edit{{"grants.go", "if length < uint64(minGrant) || length > uint64(maxGrant) {", "if false {"}},
		tests: "TestMarksOfAnswers", want: fails,
	},
	{
		name:  "quiet after a start",
		edits: []edit{{"node.go", "n.grants.until = n.now() + length", "n.grants.until = n.now()"}},
		tests: "TestVoterThatStartsAgainIsQuiet", want: two,
	},
	{
		name:  "quiet for the longest grant ever given",
		edits: []edit{{"notes.go", "longest >= length {\n\t\t\treturn longest, nil", "longest >= length {\n\t\t\treturn length, nil"}},
		tests: "TestLongestGrantIsRemembered", want: fails,
	},

	// The lease.
	{
		name:  "L is not H",
		edits: []edit{{"lease.go", "return grant - grant/clockDrift - tick - slack", "return grant"}},
		tests: "TestSimulation", want: two,
	},
	{
		name:  "clocks drift",
		edits: []edit{{"lease.go", "return grant - grant/clockDrift - tick - slack", "return grant - tick - slack"}},
		tests: "TestUsurperWaitsForTheGrants", want: two, hostile: true,
	},
	{
		name:  "a kernel's timer is late",
		edits: []edit{{"lease.go", "return grant - grant/clockDrift - tick - slack", "return grant - grant/clockDrift"}},
		tests: "TestUsurperWaitsForTheGrants", want: two, hostile: true,
	},
	{
		name:  "a quorum",
		edits: []edit{{"lease.go", "quorum := len(voters)/2 + 1", "quorum := len(voters) / 2"}},
		tests: "TestSimulation", want: two,
	},
	{
		name:  "only grants of the leader's term",
		edits: []edit{{"lease.go", "(v == leader || term == l.term)", "true"}},
		tests: "TestLeaseUntil", want: fails,
	},
	{
		name:  "no grants of an older term",
		edits: []edit{{"lease.go", "if term < l.term {", "if false {"}},
		tests: "TestLeaseUntil", want: fails,
	},
	{
		name:  "time of sending",
		edits: []edit{{"ownership.go", "n.answered(peer, sent, req, resp)", "n.answered(peer, n.now(), req, resp)"}},
		tests: "TestSlowAnswersDoNotLengthenTheLease", want: two,
	},
	{
		name:  "a grant counts, not any Success",
		edits: []edit{{"ownership.go", "if length := granted(resp); length > 0 {", "if length := max(granted(resp), n.cfg.grantLength()); length > 0 {"}},
		tests: "TestVoterThatStartsAgainIsQuiet", want: two,
	},
	{
		name:  "the voter says how long",
		edits: []edit{{"ownership.go", "sent+leaseLength(length))", "sent+leaseLength(n.cfg.grantLength()))"}},
		tests: "TestNodeWithAThirdOfH", want: two,
	},
	{
		name:  "a refusal is no grant",
		edits: []edit{{"ownership.go", "if resp.Success && resp.Term == req.Term {", "if resp.Term == req.Term {"}},
		tests: "TestLeaseCountsOnlyAgreementInItsTerm", want: fails,
	},
	{
		name:  "an answer of another term is no grant",
		edits: []edit{{"ownership.go", "if resp.Success && resp.Term == req.Term {", "if resp.Success {"}},
		tests: "TestLeaseCountsOnlyAgreementInItsTerm", want: fails,
	},
	{
		name:  "a grant to another one bars the own",
		edits: []edit{{"ownership.go", "if n.grants.free(n.cfg.Node, now) {", "{"}},
		tests: "TestSimulation", want: two, hostile: true,
	},
	{
		name:  "an own hold is a grant",
		edits: []edit{{"ownership.go", "n.grants.give(n.cfg.Node, term, now, until)", ""}},
		tests: "TestOwnerIsAVoterLikeAnyOther", want: fails,
	},

	// Ownership.
	{
		name:  "dark after giving way",
		edits: []edit{{"transfer.go", "return h.yielding || h.gaveWay >= term", "return h.yielding"}},
		tests: "TestLeaderThatGaveWayStaysDark", want: two,
	},
	{
		name:  "dark while releasing",
		edits: []edit{{"transfer.go", "return h.yielding || h.gaveWay >= term", "return h.gaveWay >= term"}},
		tests: "TestYieldAfterGivingUp", want: fails,
	},
	{
		name:  "leadership is looked at last, too",
		edits: []edit{{"ownership.go", "if own.Until > 0 && !n.leads(term) {", "if false {"}},
		tests: "TestOwnershipIsOfAfterTheLook", want: fails,
	},
	{
		name:  "an owner knows its log",
		edits: []edit{{"ownership.go", "own := n.evaluate(term, n.votes.voters(r, voters), recalls && n.declared())", "own := n.evaluate(term, n.votes.voters(r, voters), (recalls || true) && n.declared())"}},
		tests: "TestSimulation", want: "LOST",
	},
	{
		name:  "voters are read anew when they may be others",
		edits: []edit{{"voting.go", "known.of == r && known.begun == begun {", "known.of == r && known.begun <= begun {"}},
		tests: "TestVotersAreReadAnewWhenTheyMayBeOthers", want: fails,
	},
	{
		name:  "voters are kept only when the main loop is done with what came before",
		edits: []edit{{"voting.go", "quiet := e.done.Load() == begun", "quiet := e.done.Load() <= begun"}},
		tests: "TestVotersAreReadAnewWhenTheyMayBeOthers", want: fails,
	},
	{
		name:  "the main loop is done with what it was asked after",
		edits: []edit{{"pulse.go", "n.votes.done.Store(begun)", "n.votes.done.Store(n.votes.begun.Load() + 0*begun)"}},
		tests: "TestPulseTellsOfWhatTheMainLoopIsDoneWith", want: fails,
	},
	{
		name:  "a log that is cut off may end a configuration",
		edits: []edit{{"voting.go", "h.votes.begun.Add(1)\n\treturn h.storage.DeleteRange", "return h.storage.DeleteRange"}},
		tests: "TestChangesAreHeralded", want: fails,
	},
	{
		name:  "the library writes by way of who counts",
		edits: []edit{{"run.go", "memory := heralding{n.store, &n.votes}", "memory := n.store"}},
		tests: "TestOwnershipFollowsTheVoters", want: fails,
	},
	{
		name:  "dark when the main loop hangs",
		edits: []edit{{"ownership.go", "!ready || !lively ||", "!ready || lively && false ||"}},
		tests: "TestLeaderWhoseDiskHangsGivesWay", want: fails,
	},

	// Release before.
	{
		name:  "release before TimeoutNow",
		edits: []edit{{"transfer.go", "if err := n.letGo(); err != nil {", "if err := error(nil); err != nil {"}},
		tests: "TestSimulation", want: two,
	},
	{
		name:  "release before an answer",
		edits: []edit{{"relay.go", "if err := n.letGo(); err != nil {\n\t\tn.cfg.Log.Error(", "if err := error(nil); err != nil {\n\t\tn.cfg.Log.Error("}},
		tests: "TestAnswersWaitForTheRelease", want: fails,
	},
	{
		name: "neither release nor own grant before an answer",
		edits: []edit{
			{"relay.go", "if err := n.letGo(); err != nil {\n\t\tn.cfg.Log.Error(", "if err := error(nil); err != nil {\n\t\tn.cfg.Log.Error("},
			{"ownership.go", "n.grants.give(n.cfg.Node, term, now, until)", ""},
		},
		tests: "TestSimulation", want: two, hostile: true,
	},
	{
		name:  "no answer without a release",
		edits: []edit{{"relay.go", "return raft.RPCResponse{Error: errWithheld}", "return out"}},
		tests: "TestAnswersWaitForTheRelease", want: fails,
	},
	{
		name:  "release before an election",
		edits: []edit{{"transport.go", "if err := t.node.letGo(); err != nil {", "if err := error(nil); err != nil {"}},
		tests: "TestAllAnswersWaitForTheRelease", want: fails,
	},
	{
		name:  "what is given during a release is not released",
		edits: []edit{{"relay.go", "n.released = given // what was", "n.released = n.given // what was"}},
		tests: "TestOwnershipGivenDuringARelease", want: fails,
	},

	// Calls to take over, and their privilege.
	{
		name:  "a call is of the term",
		edits: []edit{{"relay.go", "term == 0 || term != r.CurrentTerm()", "term == 0"}},
		tests: "TestLateCallDeposesNobody", want: fails,
	},
	{
		name:  "a call is of the leader",
		edits: []edit{{"relay.go", "if _, leader := r.LeaderWithID(); string(leader) != from {", "if false {"}},
		tests: "TestForeignCallDeposesNobody", want: fails,
	},
	{
		name:  "a call is obeyed once",
		edits: []edit{{"relay.go", "if n.called >= term {", "if false {"}},
		tests: "TestCallsThatAreNotObeyed", want: fails,
	},
	{
		name:  "a privilege is for one term",
		edits: []edit{{"relay.go", "if !req.LeadershipTransfer || req.Term == called+1 {", "if !req.LeadershipTransfer || req.Term > called {"}},
		tests: "TestLatePrivilegeEndsNoGrant", want: two,
	},
	{
		name:  "a candidate's word is of the term before",
		edits: []edit{{"relay.go", "n.grants.released(req.Term - 1)", "n.grants.released(n.grants.term)"}},
		tests: "TestWordOfALateCandidateEndsNoGrant", want: fails,
	},
	{
		name:  "a hand-over belongs to a term",
		edits: []edit{{"transfer.go", "n.moving.yielding || n.moving.term != term {", "n.moving.yielding {"}},
		tests: "TestYieldInAnotherTermSendsNothing", want: fails,
	},
	{
		name:  "no call after giving up",
		edits: []edit{{"transfer.go", "if !n.moving.open {\n\t\treturn call{}, false\n\t}\n\tn.moving.yielding,", "n.moving.yielding,"}},
		tests: "TestYieldAfterGivingUp", want: fails,
	},
	{
		name:  "a successor is in contact",
		edits: []edit{{"transfer.go", "c.lost || n.now()-c.sent > n.cfg.Heartbeat/2", "c.lost"}},
		tests: "TestObstaclesOfASuccessor", want: fails,
	},
	{
		name:  "a successor is told of nothing that it may not have",
		edits: []edit{{"brief.go", "min(committed, last.Index)", "max(committed, last.Index)"}},
		tests: "TestBriefingTellsNoMoreThanIsKnown", want: fails,
	},
	{
		name:  "a leader that hangs briefs nobody",
		edits: []edit{{"brief.go", "case n.hangs(term):", "case false:"}},
		tests: "TestSilentLeaderBriefsNobody", want: fails,
	},
	// The voters, who are kept.
	{
		name:  "voters are read anew after a write that another configuration may follow",
		edits: []edit{{"voting.go", "known.of == r && known.begun == begun", "known.of == r"}},
		tests: "TestVotersAreReadAnewWhenTheyMayBeOthers", want: fails,
	},
	{
		name:  "voters are kept only when the main loop is done with all writes",
		edits: []edit{{"voting.go", "quiet := e.done.Load() == begun", "quiet := e.done.Load() <= begun"}},
		tests: "TestVotersAreReadAnewWhenTheyMayBeOthers", want: fails,
	},
	{
		name:  "voters are those of this life of the library",
		edits: []edit{{"voting.go", "known.of == r && known.begun == begun", "known.begun == begun"}},
		tests: "TestVotersAreReadAnewWhenTheyMayBeOthers", want: fails,
	},
	{
		name:  "the main loop is done with what was begun before it was asked",
		edits: []edit{{"pulse.go", "n.votes.done.Store(begun)", "n.votes.done.Store(max(begun, n.votes.begun.Load()))"}},
		tests: "TestPulseTellsOfWhatTheMainLoopIsDoneWith", want: fails,
	},
	// The membership.
	{
		name:  "a change of the membership waits for what was granted before the election",
		edits: []edit{{"membership.go", "return max(n.began(term), n.changedAt) + longest - n.now()", "return n.changedAt + longest - n.now()"}},
		tests: "TestMembershipWaitsForTheGrants", want: fails,
	},
	{
		name:  "a change of the membership waits for what was granted before the last one",
		edits: []edit{{"membership.go", "return max(n.began(term), n.changedAt) + longest - n.now()", "return n.began(term) + longest - n.now()"}},
		tests: "TestMembershipWaitsForTheGrants", want: fails,
	},
	{
		name: "a change of the membership waits for the longest grant of any voter",
		edits: []edit{
			{"membership.go", "longest = max(longest, c.grant)", "longest = max(longest, 0*c.grant)"},
			{"invitation.go", "for !n.leasedBy(term, voting) {", "for false {"}, // which backs it up
		},
		tests: "TestStaleMembershipWhileThreeBecomeFive", want: two,
	},
	{
		name: "one change of the membership at a time",
		edits: []edit{
			{"membership.go", "if !n.changing.TryLock() {\n\t\treturn 0, ErrChanging\n\t}\n\tdefer n.changing.Unlock()", ""},
			{"membership.go", "if !n.changing.TryLock() {\n\t\treturn ErrChanging\n\t}\n\tdefer n.changing.Unlock()", ""},
		},
		tests: "TestOneChangeOfTheMembershipAtATime", want: fails,
	},
	{
		name:  "a voter's own list reaches every majority",
		edits: []edit{{"membership.go", "reached < (len(now)+1)/2", "reached < 0"}},
		tests: "TestGrowthWaitsForTheLists", want: fails,
	},
	{
		name:  "who has lost its data is removed before it is added anew",
		edits: []edit{{"membership.go", "case suffrage == raft.Voter:\n", "case false && suffrage == raft.Voter:\n"}},
		tests: "TestVoterThatLostItsDataLosesItsVote", want: fails,
	},
	{
		name:  "who is admitted has no vote before it has the entry",
		edits: []edit{{"joining.go", "for r.LastIndex() < index {", "for false {"}},
		tests: "TestWhoIsAdmittedAwaitsTheEntry", want: fails,
	},
	{
		name:  "who is removed leaves a majority",
		edits: []edit{{"membership.go", "if inTouch > left/2 {", "if true || inTouch > left/2 {"}},
		tests: "TestRemovalThatWouldEndTheMajorityIsRefused", want: fails,
	},
	{
		name:  "no member is who is none by a committed configuration",
		edits: []edit{{"standing.go", "case r.CommitIndex() >= r.LastIndex(): // in", "case true: // in"}},
		tests: "TestWhatIsNotCommittedCostsNoVote", want: fails,
	},
	{
		name:  "standing is for a leader with a lease to say",
		edits: []edit{{"standing.go", "r.State() != raft.Leader || !n.leased(r)", "r.State() != raft.Leader"}},
		tests: "TestStandingIsForALeaderWithALease", want: fails,
	},
	{
		name:  "who left stays out",
		edits: []edit{{"joining.go", "return n.store.setNote(keyStage, stageLeft)", "return nil"}},
		tests: "TestNodeThatLeftAsksNobodyAfterAnotherStart", want: fails,
	},
	{
		name:  "who may have been removed asks whom it never knew",
		edits: []edit{{"roster.go", `(!n.member.Load() || n.leader() == "")`, "!n.member.Load()"}},
		tests: "TestRemovedNodeFindsALeaderThatItNeverKnew", want: fails,
	},

	// Newcomers.
	{
		name:  "a newcomer grants nothing",
		edits: []edit{{"relay.go", "case !n.member.Load(): // it has no vote", "case false:"}},
		tests: "TestNewcomerNeitherVotesNorGrants", want: fails,
	},
	{
		name:  "an invitation means this data directory",
		edits: []edit{{"invitation.go", "case i.Birth != n.birth:", "case false:"}},
		tests: "TestWhoIsInvited", want: fails,
	},
	{
		name:  "a newcomer grants before it counts",
		edits: []edit{{"invitation.go", "for !n.leasedBy(term, voting) {", "for false {"}},
		tests: "TestOwnerHoldsOnWhileANodeJoins|TestNewcomerThatDoesNotGrantGetsNoVote", want: fails,
	},
	{
		name:  "who invites leads",
		edits: []edit{{"invitation.go", "case r == nil || i.Term < r.CurrentTerm():", "case r == nil:"}},
		tests: "TestWhoIsInvited", want: fails,
	},
	{
		name:  "who is invited writes it down",
		edits: []edit{{"joining.go", "if err := n.store.setNote(keyStage, stageMember); err != nil {\n\t\treturn err\n\t}\n\tn.left", "n.left"}},
		tests: "TestSecondNodeThatDiesAsItsVoteIsProposed", want: fails,
	},
	{
		name:  "who is admitted does not await the entry for ever",
		edits: []edit{{"joining.go", "if ctx.Err() != nil || n.now() > deadline {", "if _ = deadline; ctx.Err() != nil {"}},
		tests: "TestWhoIsAdmittedDoesNotAwaitTheEntryForEver", want: fails,
	},
	{
		name:  "a word of late takes no vote",
		edits: []edit{{"joining.go", "case a.Standing == outside && n.leader() == \"\":", "case a.Standing == outside:"}},
		tests: "TestLateWordThatANodeIsNoMember", want: fails,
	},
	{
		name:  "what is written down goes with what a node is",
		edits: []edit{{"joining.go", "error {\n\tn.staging.Lock()\n\tdefer n.staging.Unlock()\n\tn.outside()", "error {\n\tn.outside()"}},
		tests: "TestWhatANodeIsItHasWrittenDown", want: fails,
	},
	{
		name:  "a member without a vote asks for it",
		edits: []edit{{"joining.go", "case n.joining.Load(), n.voiceless():", "case n.joining.Load():"}},
		tests: "TestInvitedNodeThatStartsAgainAsksForItsVote", want: fails,
	},
	{
		name:  "who is invited has caught up",
		edits: []edit{{"membership.go", "c.match < index; c =", "c.match < 0*index; c ="}},
		tests: "TestWhoIsInvitedHasCaughtUp", want: fails,
	},
	{
		name:  "who is invited has caught up since it lost its data",
		edits: []edit{{"membership.go", "c.term != term || c.match < index", "c.match < index"}},
		tests: "TestWhoIsInvitedHasCaughtUp", want: fails,
	},
	{
		name:  "an invited node that was removed does not come back by itself",
		edits: []edit{{"joining.go", "if err := n.resign(); err != nil { // it votes", "if err, _ := n.resign(), n.joining.Swap(true); err != nil { // it votes"}},
		tests: "TestInvitedNodeThatWasRemovedStaysAway", want: fails,
	},
	{
		name:  "who leaves takes back what it asked for meanwhile",
		edits: []edit{{"joining.go", "n.joining.Store(false) // it may have asked", "_ = 0 // it may have asked"}},
		tests: "TestNodeThatLeavesOnItsWayInStaysAway", want: fails,
	},
	{
		name:  "a newcomer says for how long it would grant",
		edits: []edit{{"relay.go", "resp.Addr = n.taken // who gives it one first waits for so long", ""}},
		tests: "TestVoteFollowsTheGrantAtOnce", want: fails,
	},
	{
		name:  "a change of the membership is of one term",
		edits: []edit{{"membership.go", "if !n.leads(term) {\n\t\t\treturn ErrNotLeader\n\t\t}\n\t\twait", "wait"}},
		tests: "TestMembershipChangesInOneTerm", want: fails,
	},
	{
		name:  "a newcomer has no part in elections",
		edits: []edit{{"relay.go", "if !n.member.Load() && isElection(rpc.Command) {", "if false && isElection(rpc.Command) {"}},
		tests: "TestNewcomerNeitherVotesNorGrants", want: fails,
	},
	{
		name:  "a newcomer does not stand",
		edits: []edit{{"founding.go", "if n.member.Load() {\n\t\tusual", "{\n\t\tusual"}},
		tests: "TestNewcomerNeverLeads", want: fails,
	},
	{
		name:  "a newcomer asks nobody for a vote",
		edits: []edit{{"transport.go", "if err := t.node.mayStand(); err != nil {\n\t\treturn err\n\t}\n\tif err := t.node.letGo()", "if err := t.node.letGo()"}},
		tests: "TestNewcomerAsksForNoVote", want: fails,
	},
	{
		name:  "a newcomer owns nothing",
		edits: []edit{{"ownership.go", "|| !n.member.Load() {", "{"}},
		tests: "TestNewcomerNeverLeads", want: fails,
	},

	// Founding.
	{
		name:  "founding takes all nodes of the list",
		edits: []edit{{"founding.go", "case len(failures) > 0:", "case false && len(failures) > 0:"}},
		tests: "TestHowANodeBegins", want: fails,
	},
	{
		name:  "founding takes two rounds that agree",
		edits: []edit{{"founding.go", "!maps.Equal(now, before)", "false && !maps.Equal(now, before)"}},
		tests: "TestFoundingTakesTwoRoundsThatAgree", want: fails,
	},
	{
		name:  "a founder is known by its birth",
		edits: []edit{{"founding.go", "a.Founders[n.cfg.Node] == n.birth:", `a.Founders[n.cfg.Node] != "":`}},
		tests: "TestHowANodeBegins", want: fails,
	},
	{
		name:  "who finds a cluster at work founds none",
		edits: []edit{{"founding.go", "case a.Member:\n\t\t\treturn comesLater, \"\"", "case false:"}},
		tests: "TestHowANodeBegins", want: fails,
	},
	{
		name:  "who has left is not new",
		edits: []edit{{"founding.go", "if late && !foundersKnowUs {", "if false {"}},
		tests: "TestWhoLostItsDataFoundsNothingWithThoseThatLeft", want: fails,
	},
	{
		name:  "founders have one list",
		edits: []edit{{"founding.go", "other != own {", "false && other != own {"}},
		tests: "TestHowANodeBegins", want: fails,
	},
	{
		name:  "who has founded says who founded with it",
		edits: []edit{{"founding.go", "\t\t\tbirths[name] = birth\n", "\t\t\t_, _ = name, birth\n"}},
		tests: "TestFoundersAreThoseOfTheFirstThatBegan", want: fails,
	},

	// What lingers.
	{
		name:  "what lingers is told before the node holds",
		edits: []edit{{"ownership.go", "recalls && n.declared()", "recalls && (n.declared() || true)"}},
		tests: "TestLingeringIsDeclaredBeforeHolding", want: fails,
	},
	{
		name:  "a successor waits for what lingers",
		edits: []edit{{"linger.go", "l.over = now-l.since >= n.fsm.longestLinger(n.cfg.Node)", "l.over = true"}},
		tests: "TestSimulation", want: two,
	},
	{
		name:  "only who has waited says that nothing lingers",
		edits: []edit{{"transfer.go", "clear: n.settledIn(term)}", "clear: true}"}},
		tests: "TestWhoHasNotWaitedClearsNobody", want: fails,
	},
	{
		name:  "only who has waited stands again without a wait",
		edits: []edit{{"transfer.go", "if n.settledIn(term) {", "if true {"}},
		tests: "TestWhatLingersIsOverInOneTerm", want: fails,
	},
	{
		name:  "what lingers is over in one term",
		edits: []edit{{"linger.go", "return n.lingering.term == term && n.lingering.over", "return n.lingering.over"}},
		tests: "TestWhatLingersIsOverInOneTerm", want: fails,
	},
	{
		name:  "that nothing lingers is said for the next term",
		edits: []edit{{"linger.go", "l.cleared > 0 && l.cleared+1 == term", "l.cleared > 0"}},
		tests: "TestWhatLingersIsOverInOneTerm", want: fails,
	},
	{
		name:  "what lingers of a removed node is forgotten when it is gone",
		edits: []edit{{"membership.go", "pause(ctx, linger) // its", "// its"}},
		tests: "TestRemovedNodeLingers", want: fails,
	},

	// The library kept in bounds.
	{
		name:  "heartbeats go through the main loop",
		edits: []edit{{"transport.go", "func (t *transport) SetHeartbeatHandler(func(raft.RPC)) {}", "func (t *transport) SetHeartbeatHandler(f func(raft.RPC)) { t.NetworkTransport.SetHeartbeatHandler(f) }"}},
		tests: "TestHeartbeatsGoThroughTheMainLoop", want: fails,
	},
	{
		name: "no pipeline",
		edits: []edit{
			{"transport.go", "MaxRPCsInFlight: 1,", "MaxRPCsInFlight: 2,"},
			{"transport.go", "return nil, raft.ErrPipelineReplicationNotSupported", `return t.NetworkTransport.AppendEntriesPipeline("", "")`},
		},
		tests: "TestNoPipeline", want: fails,
	},
	{
		name:  "a vote is one write",
		edits: []edit{{"ballot.go", "f.pending = value\n\t\treturn f.broken", "f.pending = value\n\t\tnext := f.last.ballot\n\t\tnext.LastVoteTerm = value\n\t\treturn f.write(next)"}},
		tests: "TestVoteIsOneWriteAndOneSync|TestBallotRefusals", want: fails,
	},
}
