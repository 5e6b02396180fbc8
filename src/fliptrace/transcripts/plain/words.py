"""Words that show whether a prefix is a name: roles of speakers, words that open a sentence or a list, cues.

The lists are our own. They are only evidence: a prefix that repeats and alternates like a speaker is accepted anyway.
"""

from __future__ import annotations


def words_of(text: str) -> frozenset[str]:
    """The words of a text, separated by blanks."""
    return frozenset(text.split())


# Roles of people in a dialogue.
ROLES = words_of(
    """
    agent advisor adviser assistant attorney anchor announcer analyst applicant audience auditor bailiff bot boss
    brother buyer caller candidate captain cashier chair chairman chairperson chairwoman chatbot child client clerk
    coach colleague commentator commissioner consultant coordinator cop counsel counselor counsellor court customer
    dad daughter defendant dentist deputy detective dispatcher director doctor driver editor employee engineer
    examiner expert facilitator father foreman friend grandma grandpa guest guide headmaster host hostess husband
    ivr informant inspector instructor interpreter interviewee interviewer investigator journalist judge juror lady
    landlord lawyer lead leader lecturer lieutenant listener magistrate man manager mayor member mentor menu
    minister moderator mom mother mum nanny narrator neighbor neighbour nurse observer officer operator owner
    panelist panellist parent participant partner passenger patient pharmacist pilot planner plaintiff player police
    president presenter principal producer professor prosecutor provider psychologist pupil receptionist reader
    recruiter referee rep reporter representative researcher respondent robot salesperson salesman secretary seller
    senator sergeant server shopkeeper sister son speaker specialist spouse staff student subject supervisor support
    surgeon system tutor teacher teammate technician technologist tenant therapist trainer translator user vendor
    videographer visitor voice voiceover waiter waitress wife witness woman worker client gast host anrufer
    anruferin kunde kundin kundenservice mitarbeiter mitarbeiterin moderatorin interviewerin befragter befragte
    befragte:r lehrer lehrerin arzt ärztin patientin mutter vater richter richterin zeuge zeugin sprecher sprecherin
    teilnehmer teilnehmerin berater beraterin schüler schülerin client cliente clienta agente médico medico médica
    paciente profesor profesora professeur entrevistador entrevistadora entrevistado entrevistada moderador
    moderadora locutor madre padre mamá papá juez testigo enquêteur enquêtrice interviewé interviewée médecin
    animateur animatrice juge témoin locuteur locutrice intervieweur intervistatore intervistato moderatore dottore
    madre padre utente operatore chatgpt claude gemini siri alexa ai human
    """
)

# Words at the start of remarks, lists, headings and metadata, which are what somebody says or what the file is about.
NOT_NAMES = words_of(
    """
    about above action actions actually addendum address advice again agenda agreed ah aim all alert alright also
    alternatively amount announcement answer answers anyway apparently appendix approved approximately argument as
    aside assumption attachment attendees attention audio author available background bad balance basically because
    before benefit benefits best better bigger bonus bottom brackets breaking brief briefly bring bug bullet but by
    bye call cast category caution cc caveat challenge chapter characters check choice choose claim clarification
    clearly closing comment comments company compare comparison concern conclusion conclusions condition conditions
    confession confidential consequence consider consequently content contents context contrast copy copyright
    correct correction cost costs could count counterpoint created credit credits crucially current danger data date
    dates day deadline deal dear decided decision decisions deduction definition delivered demand description detail
    details diagnosis difference directions disclaimer discuss discussion distance do done don't duration easy edit
    effect eg either else email emphasis end ending equals error especially essentially estimate etc even event
    eventually evidence exactly example examples exception excuse exercise exhibit expected explanation extra fact
    facts fair fairly fast faster fax feedback feeling figure file filename final finally fine finding findings
    finish first firstly five fix fixed focus folder followed follow following follow-up food for formatted forecast
    format formula found four frankly from fun fyi generally generated get given go goal goals god good goodbye
    great greetings guess hang heading headline hello help hence here hey hi highlight highlights hint history hm
    hmm hold home honestly hopefully however hypothesis id idea ideas ie if imagine immediately impact imperative
    important importantly in inc include included including indeed information info ingredient ingredients insight
    instead instruction instructions interesting interestingly intro introduction invoice is issue issues it item
    items job just keep key keyword keywords know known language last lastly later latest law least left legend
    length less lesson lessons let let's level likely limit link links list listen literally location lol long look
    looking lower luckily main maybe mean meaning meanwhile measure media meeting memo memory mention message
    messages method metric metrics minus minutes mission mistake more moreover morning most motivation motto move
    name namely names nb nearly need needed net never nevertheless new news next nice no nobody none nope normally
    note notes nothing notice now number numbers object objective objectives obviously october of offer offline oh
    ok okay old omg on once one online only open opening opinion opportunity option options or order organizer other
    otherwise ouch our out outcome outcomes outline overall overview ow oops owner/date page pages part participants
    parts passcode password pause payment people perfect perhaps period phase phone picture place plan plans please
    plus point points policy position possible possibly postscript practically prediction preface premise prep
    present presumably previously price prices primary priorities priority privacy pro probably problem problems
    procedure process product program progress project promise promises proof proposal pros ps published purpose
    quality quantity query question questions quick quickly quiz quote quotes rate rather ratio re read ready real
    reality really reason reasons recall recap recipe recommendation recommendations record recorded recording
    reference references regarding regards rejected related remark remember remind reminder reply report request
    required requirement requirements resolution resolved response responsible rest result results resume revenue
    review reviewed reward right risk risks role room route rule rules sad sadly said sale sales say says scene
    schedule score second secondly secret section see seems send sent serious seriously session sessions seven
    several shit short show side sign signature significantly similarly simple simply since six size slide slides
    small so solution solutions some something soon sorry sounds source sources specifically spoiler stage start
    started starting state statement stats status step steps still stop story strategy strength strengths strictly
    subtitle subtotal suddenly suggestion suggestions sum summary sum-up suppose surely surprise surprisingly sure
    table take takeaway takeaways target targets task tasks tax team teams tel temperature ten term terms test
    testing thank thanks that the then theory there therefore these thesis they thing things think third thirdly
    this those thoughts three threshold thus ticket til time timeline times timing tip tips title tldr tl;dr to
    today todo to-do together tomorrow tone tonight too tool tools top topic topics total totally towards track
    trade-off transcript transcriber transcription translate translation translated trick trigger true trust truth
    try turn two type typically typo ugh uh ultimately um understand unfortunately unless until update updated
    updates upper url urgent us usage use used usually value verdict version versus via video view viewers vision
    visit vs wait want warning was watch way weakness weaknesses weather website week weight welcome well were what
    whatever when where whereas whether which who whoever whole whose why win wise wish with without wonderful word
    words work works worry worst would wow write wrong yeah year years yep yes yesterday yet yup mhm mm-hmm uh-huh
    huh true yikes you your http https ftp mailto file ability absolutely account achievement acknowledgement
    admittedly advantage advantages afternoon agreement alarm anger anyhow anything appointment arguably article
    aspect assessment assignment assumptions attempt attitude award backup beauty beginning behavior belief beliefs
    beware big bill biology birthday book booking boom breakfast brexit brilliant briefing budget budgets bugs build
    bus business button cake calculation calm campaign cancelled capacity car care career carefully case cases catch
    cause causes certainly chance change changes charge chemistry children christmas circumstances city class clear
    code coffee cold colour color come commitment communication complaint compliance computer concept concerns
    config configuration confirm confirmed congratulations connection considering constraint constraints contract
    contrary contribution control cool core corollary country course court-date coverage crime crisis criteria
    criterion culture custom damage dear deaths debate debt decisive default defence defense degree delay delays
    department dependencies deposit design destination development device diet differences difficulty dinner
    direction disadvantage disagree discovery disease dislikes distance documentation dream dreams drink drinks
    drugs due duty earlier early earth economy education effort elections electricity emergency emotion emotions
    energy entertainment entry environment episode equality equipment escalation evening events everybody everyone
    everything evidently evolution exam exchange exclusive exclusively execution exit expectation expectations
    expense expenses experience experiment expert-tip explain explicitly expression faith fallacy false family
    fashion fear fears features fee fees fight film finance fingers fire flight forget forgive form fortunately
    foundation freedom friday friends friendship fruit fuel function funding further furthermore future game gap gas
    geography gift global gossip government gratitude grief ground group growth guilt habit half happiness happy
    harm hashtag hate headcount health heat height high hobby hobbies holiday holidays hoping hospital hour hours
    house humor humour hunger hurry illness impression improvement incident income increase indicator industry
    inflation influence infrastructure initially initiative innovation insurance integrity intention interest
    interests internet interpretation interruption interview investment investigation invitation irony job jobs joke
    journey joy july june justice kind kindness kitchen knowledge label lack language laugh law laws leadership
    leads learn learning leave lecture library lie lies life light listening litmus living loan local logic
    logistics logo loss losses love loyalty luck lunch luxury machine mail maintenance management map march market
    marketing marriage maths mathematics maximum meal meals mechanism media medical medication medicine meditation
    menu-item mercy merger migration milestone milestones mind minimum minority misc miscellaneous missing monday
    money monday month months mood moral motive movie music myth nature negative neither network nights notebook
    noted novel november nuance nutrition objection objections obstacle october odds office often onboarding
    operation operations opposite optimism optional order-number ordering ordinary origin others output ownership
    pace pain paradox paragraph parking partly party passion past pattern payroll peace pending percentage
    performance permission personality perspective philosophy physics pitch platform pleasure poll popularity
    population positive positives potential poverty power practice praise prayer prediction preferably preference
    pressure pride principle principles prize procurement production profit profits progress-report pronunciation
    property protest protocol prototype punishment punchline purchase puzzle quarter quiet race rain range rating
    reaction reading rebuttal receipt recent recently recipe-tip recruitment reform refund regret regrets regulation
    rejection relationship release relevance relief religion renewal rent repair repeat research reservation
    reservations respect restaurant retention retrospective revenge revenues ritual roadmap rollout roof rumor
    rumour safety salary sample satisfaction saturday savings scale scenario schedule-change school science scope
    search seat security sequence server-status service services setting settings setup shame shipping shopping
    shout shower sickness silver similarity sincerely sing situation skill skills sleep slogan smile snacks snow
    software solved somehow someone sometimes song sorrow space speed spelling spending sport sports staffing
    standard standards standup statistics stock stocks store strange stress structure study stuff style success
    suffering suggestions sunday supplies supply suspect symptom symptoms synonym syntax system-note talk talking
    tasting taxes technically technique technology temptation tension testimony thesis thought thursday tickets
    timetable tired tool-tip torture tourism toxic trade tradition traffic tragedy training transport travel
    treatment trend trends trip trouble tuesday uncertainty unemployment unit units universe university unknowns
    upside downside upsides downsides utilities vacancies vacation validation values variable variant vegetables
    velocity vibe violence virus vocabulary vote votes war wasted water wealth weapon weapons wednesday weekend
    wellbeing whereabouts wifi wine wisdom woohoo workflow workshop world deadlines dependency blocker blockers
    challenges next-steps followups takeaway action-items parking-lot abschnitt achtung adresse also anhang anlass
    anmerkung anmerkungen antwort anwesend anwesende aufgabe ausserdem außerdem bedeutet beginn beispiel
    beschreibung betreff bitte bonus dabei daher danach dann datei datum dauer dazu definition denn deshalb die ende
    endlich entscheidung ergebnis ergebnisse erstens etwas fakt fazit folge folgendes frage fragen gesamt grund
    gründe gut hallo hinweis hör hört idee ich inhalt jetzt ja jedenfalls kapitel klar kosten kurz kurzum leider
    liste los mal mensch merke moment nein nochmal nochmals notiz nun nur oder ort plan preis problem punkt quelle
    regel satz schau schaut schlag schluss schließlich schritt seite so sonst stand start stelle summe tatsache teil
    telefon termin thema themen tipp titel tja trotzdem übrigens uhrzeit und ursache vorschlag vorteil warnung warte
    warum weil weiter wichtig wissen zeit ziel ziele zitat zum zusammenfassung zweitens además ahora asunto atención
    aviso bueno claro conclusión duración ejemplo entonces escucha espera fecha fin gracias hola importante lugar
    mira nota notas objetivo oye paso pero plan porque primero problema pregunta resultado resumen segundo tema
    título total ubicación vale verdad y respuesta alors attention bref bon bonjour car conclusion donc durée écoute
    écoutez enfin ensuite étape exemple fin important mais merci lieu objet objectif oui pourquoi premièrement
    problème puis regarde regardez remarque réponse résultat résumé sujet tiens titre voilà voyons allora ascolta
    attenzione domanda esempio fine grazie guarda luogo oggetto passo perché però quindi risposta riassunto suno
    dekho acha accha bas haan nahi lekin matlab matlb phir arre arey yaar toh woh kyunki bolo chalo sach baat sunno
    सुनो देखो अच्छा नोट हाँ नहीं लेकिन मतलब फिर अरे ध्यान बात सवाल जवाब कुल योग चरण विषय तारीख ملاحظة اسمع اسمعي
    انظر المجموع خطوة سؤال جواب مثال التاريخ الموضوع
    نعم لا لكن ثم أولا ثانيا تنبيه
    注意 例如 总结 问题 日期 主题 步骤 合计 备注
    """
)

# Words that a name does not contain, unless it begins with an article (THE COURT).
FUNCTION_WORDS = words_of(
    """
    a an i i'm i'd i'll i've am are be been being but can can't could did didn't do does doesn't don't else every
    for from get gets getting give gives given go goes going gonna got had has have he's here here's his how i if in
    into is isn't it it's its just know let like make makes many me mean means might more most much must my need
    needs never not of off on only or other our out over own say saying says she's should something tell than that
    that's the their them then there there's these they think this those thought to too under until up us very want
    wants was wasn't we we're were what what's when where which who whose why will with won't would wouldn't you
    you're your yours yourself said told asked about after again all always any anything as at because before by
    called came each aber als am an auch auf aus bei bin bist das dass dein dem den der des die du ein eine einem
    einen einer es für hab habe haben hat ich ihr im in ist ja kann kein keine mein meine mich mir mit nach nicht
    noch nur oder sein sich sie sind um und uns unser von war was weil wenn wie wir wird zu zum zur ce ces cette
    dans elle est et il je mais mes moi mon ne nous on ou où pas pour qu que qui sa se ses son sont sur ta te tes tu
    un une vous con cuando del ella en es esta este estoy fue hay la las los me mi mis no nos para pero por que se
    si son su sus te tiene un una hai hain ho hoon hun tha thi ka ki ke ko mera meri mere tera teri tere kya kyun se
    mein main aur yeh
    """
)

# Words of names that are written in lower case, and conjunctions between names.
PARTICLES = words_of(
    """
    al and bin da de del della der di do dos du el ibn la le of the ten ter und van von y e et zu ben bint st
    """
)

# Words in brackets that are cues, not names.
CUES = words_of(
    """
    applause audience background beat beep bell blank bleep breath breathes breathing cheering cheers chuckle
    chuckles chuckling clapping clears click cough coughing coughs cries crosstalk cross-talk crying door exhales
    gasp gasping gasps giggle giggles giggling groan groans grunts hesitates hiccups hum hums inaudible
    indiscernible inhales interruption interposing laugh laughing laughs laughter loud loudly mumbles mumbling
    murmurs music muted noise nods no off overlapping overtalk overlap pause pauses phone phonetic quietly redacted
    ring ringing rings scoffs scream screaming screams shouting shouts shrugs sic sigh sighing sighs silence silent
    singing sings sings smiles smiling sniffles sniffs snorts sobbing sobs softly speaking static stutters technical
    typing unclear unintelligible video voices voice-over whisper whispering whispers whistles yawns yelling yells
    lacht lachen lachend seufzt pause weint stöhnt unverständlich hustet applaus musik gelächter rires rire soupir
    soupire silence applaudissements musique inaudible risas risa suspira música aplausos pausa llora blank_audio
    speaker_turn aside bitterly angrily sadly happily nervous nervously angry sarcastic sarcastically calmly crossly
    continued cont'd contd o.s. v.o. o.c. off-screen offscreen
    """
)

# Words in brackets after a name that belong to it.
NAME_NOTES = words_of(
    """
    ext extern external externe guest gast host cohost co-host organizer presenter unverified me you he/him she/her
    they/them he she they him her them sie er sir ms mr dr zoom mobile iphone ipad phone pc deaf admin mod bot op
    staff
    """
)

# A full stop after these titles does not end a name. The second pattern is for use right before a full stop.
TITLE = (
    r"(?:DR|MR|MS|ST|FR|SR|LT|MRS|SGT|REV|GEN|COL|CAP|SEN|REP|HON|SIG|SRA|DRA|PROF|CAPT|FRAU|HERR|MISS|MAJ|"
    r"Dr|Mr|Ms|St|Fr|Sr|Lt|Mrs|Sgt|Rev|Gen|Col|Sen|Rep|Hon|Sig|Sra|Dra|Prof|Capt|Maj)"
)
AFTER_TITLE = (
    r"(?:(?<=\b(?:DR|MR|MS|ST|FR|SR|JR|LT))|(?<=\b(?:MRS|SGT|REV|GEN|COL|CAP|SEN|REP|HON|SIG|SRA|DRA|MAJ))|"
    r"(?<=\b(?:PROF|CAPT)))"
)
