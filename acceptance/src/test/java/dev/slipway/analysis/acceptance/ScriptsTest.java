package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The scripts on the hosts, and in the hands, that there are; without an engine, in a folder whose name has a space. */
class ScriptsTest {

    @TempDir
    Path host;

    private final Map<String, String> environment = new HashMap<>();
    private Path project;

    @BeforeEach
    void aProject() throws IOException {
        project = Files.createDirectory(host.resolve("the project"));
        run(Project.FOLDER, "mkdir \"$0/secrets\"; cp -R secrets/dev \"$0/secrets\"; cp -R scripts .env.example docker-compose*.yml hardened.yml monitoring \"$0\"", project.toString())
                .assertSuccess();
    }

    /** By sh, through links of other names, under a shell's settings that reach its children: each is the same script. */
    @ParameterizedTest
    @MethodSource("scripts")
    void aScriptIsTheSameHoweverItIsCalled(String name) throws IOException {
        Files.createDirectories(host.resolve("home/scripts"));
        Path link = Files.createSymbolicLink(host.resolve("home/link"), Path.of("../the project/scripts/" + name));
        Files.createSymbolicLink(host.resolve("home/daily"), Path.of("link"));
        String script = "scripts/" + name + " --help";

        String help = run(project, "bash " + script).assertSuccess().text();

        assertThat(help).contains("scripts/" + name);
        assertThat(run(project, "sh " + script).text()).isEqualTo(help);
        assertThat(run(link.getParent(), "sh ./daily --help").text()).isEqualTo(help);
        assertThat(run(link.getParent(), "bash daily --help").text()).isEqualTo(help);
        environment.put("CDPATH", host.resolve("home").toString());
        environment.put("SHELLOPTS", "noclobber:posix");
        assertThat(run(project, "bash " + script).text()).isEqualTo(help);
    }

    @Test
    void aScriptActsInItsOwnProject() throws IOException {
        Path home = Files.createDirectories(host.resolve("home/scripts")).getParent();
        Files.createSymbolicLink(home.resolve("make"), project.resolve("scripts/secrets.sh"));
        environment.put("CDPATH", home.toString());

        run(project, "bash scripts/secrets.sh").assertSuccess();
        Docker.Output again = run(home, "sh make").assertSuccess();

        assertThat(again.text()).contains("kept  secrets/db_app.txt").doesNotContain("made");
        assertThat(home.resolve("secrets")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({
        "long-enough-to-be-one, ''",
        "'long-enough-to-be-one\n', ''",
        "'!#$%&()*+,-./:;<=>?@[]^_`{|}~', ''",
        "'', is empty",
        "short, 'has 5 characters, and 20 are the least'",
        "development-only-db_app, 'is development''s, which everybody knows'",
        "long-enough-with-a-\\-in-it, is not one line of plain characters",
        "'long-enough-with-a-\"-in-it', is not one line of plain characters",
        "'long-enough-with-a- -in-it', is not one line of plain characters",
        "'long-enough-with-a-\0-in-it', is not one line of plain characters",
        "long-enough-with-an-é-in-it, is not one line of plain characters",
        "'saved-on-another-system\r\n', is not one line of plain characters",
        "'long-enough-with-two-lines\n\n', is not one line of plain characters"
    })
    void aSecretIsOneThatEveryReaderTakesAlike(String secret, String wrong) throws IOException {
        Files.writeString(project.resolve("secrets/db_app.txt"), secret);

        String said = lib("flaw secrets/db_app.txt production").assertSuccess().text();
        assertThat(said).startsWith(wrong);
        assertThat(said.isEmpty()).isEqualTo(wrong.isEmpty());
    }

    @Test
    void checkSaysWhichSecretsAreNotFitForProductionAndMakesNone() throws IOException {
        assertThat(run(project, "bash scripts/secrets.sh --check").text()).contains("fail  secrets/db_app.txt is missing: ");
        run(project, "bash scripts/secrets.sh && bash scripts/secrets.sh --check").assertSuccess();
        run(project, "chmod u+w secrets/db_app.txt && printf '\\r\\n' >> secrets/db_app.txt").assertSuccess();

        Docker.Output check = run(project, "bash scripts/secrets.sh --check");

        assertThat(check.exitCode()).isEqualTo(2);
        assertThat(check.text()).startsWith("fail  secrets/db_app.txt is not one line of plain characters").hasLineCount(1);
    }

    /** What makes each secret notes how open their folder is at that moment. */
    @Test
    void theFolderOfSecretsIsClosedBeforeAnyIsMade() throws IOException {
        Path fakes = Files.createDirectory(host.resolve("fakes"));
        Files.writeString(fakes.resolve("head"), "#!/usr/bin/env bash\nls -ldL secrets >> \"${0%/*}/modes\"; PATH=${PATH#*:}; exec head \"$@\"\n");
        run(fakes, "chmod +x head").assertSuccess();
        environment.put("PATH", fakes + ":" + System.getenv("PATH"));
        for (boolean link : List.of(false, true)) {
            if (link) {
                run(project, "rm -rf ../elsewhere; mv secrets ../elsewhere; rm -f ../elsewhere/*.*; chmod 0755 ../elsewhere; ln -s ../elsewhere secrets")
                        .assertSuccess();
            }
            run(project, "umask 022; bash scripts/secrets.sh").assertSuccess();
        }

        assertThat(Files.readAllLines(fakes.resolve("modes"))).hasSizeGreaterThan(8).allMatch(line -> line.startsWith("drwx------"));
        assertThat(project.resolve("secrets")).isSymbolicLink();
        assertThat(run(project, "bash scripts/secrets.sh --check").text()).startsWith("ok    ");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "IMAGE = x         | x",
        "export IMAGE=x # y| x",
        "IMAGE='x' # y     | x",
        "IMAGE=\"x y\"     | x y",
        "IMAGE=${TAG:-b}c  | bc",
        "IMAGE=a\\nIMAGE=x  | x",
        "IMAGE='${TAG}<$'  | ${TAG}<$",
        "IMAGE=            | NAME-app",
        "OTHER=x           | NAME-app"
    })
    void aSettingIsWhatComposeReads(String line, String value) throws IOException {
        assumeCompose();
        Files.writeString(project.resolve(".env"), "# A comment.\r\n" + line.replace("\\n", "\r\n") + "\r\n");

        assertThat(lib("setting IMAGE").assertSuccess().text()).isEqualTo(value.replace("NAME", Project.NAME) + "\n");
    }

    @Test
    void theShellWinsOverEnv() throws IOException {
        assumeCompose();
        Files.writeString(project.resolve(".env"), "IMAGE=x\n");
        environment.put("IMAGE", "of-the-shell");

        assertThat(lib("setting IMAGE").text()).isEqualTo("of-the-shell\n");
    }

    @Test
    void aProductionHostMayHaveWindowsLineEnds() throws IOException {
        assumeCompose();
        Files.writeString(project.resolve(".env"), "COMPOSE_FILE = docker-compose.yml:docker-compose.prod.yml\r\n");

        lib("need_production").assertSuccess();
        assertThat(run(project, "bash scripts/doctor.sh").text()).contains("ok    production: docker-compose.yml docker-compose.prod.yml\n");
    }

    @Test
    void aLineThatComposeCannotReadIsNamed() throws IOException {
        assumeCompose();
        Files.writeString(project.resolve(".env"), "TAG=1\nHTTP PORT=1\n");

        assertThat(run(project, "bash scripts/doctor.sh").text()).contains("fail  Compose cannot read .env: ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r\n"})
    void whatIsRememberedLeavesTheRestOfEnvAsItIs(String end) throws IOException {
        Path kept = Files.createDirectory(host.resolve("kept")).resolve("settings");
        Files.createSymbolicLink(project.resolve(".env"), Path.of("../kept/settings"));
        String before = String.join(end, "# TAG=1", "TAG = v1 # Now.", "export DB_IMAGE=\"mariadb:10.6\" # Old.", "XTAG=1", "Y='#'", "");
        Files.writeString(kept, before);
        run(project, "chmod 0640 .env").assertSuccess();
        environment.put("SHELLOPTS", "noclobber");

        lib("remember TAG=v2 DB_IMAGE=mariadb:11.8 DB_VOLUME=new IMAGE='a b'").assertSuccess();

        assertThat(Files.readString(kept)).isEqualTo(
                before.replace("v1", "v2").replace("\"mariadb:10.6\"", "mariadb:11.8") + "DB_VOLUME=new" + end + "IMAGE='a b'" + end);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(kept))).isEqualTo("rw-r-----");
        assertThat(project.resolve(".env")).isSymbolicLink();
        assertThat(kept.getParent()).isDirectoryContaining("glob:**settings").isDirectoryNotContaining("glob:**.new");
    }

    @Test
    void aByteOrderMarkAndAValueOfSeveralLinesStayAsTheyAre() throws IOException {
        Path env = Files.writeString(project.resolve(".env"), "\uFEFFTAG=v1\nNOTE=\"one\nTAG=two\nthree\"\n");

        lib("remember TAG=v2").assertSuccess();

        assertThat(Files.readString(env)).isEqualTo("\uFEFFTAG=v2\nNOTE=\"one\nTAG=two\nthree\"\n");
    }

    @Test
    void aShellWithoutPatternsKnowsDevelopmentsSecrets() throws IOException {
        Files.writeString(project.resolve("secrets/db_app.txt"), "development-only-db_app");
        environment.put("SHELLOPTS", "noglob");

        assertThat(lib("flaw secrets/db_app.txt production").text()).startsWith("is development's");
    }

    @Test
    void whatCannotBeRememberedEndsBeforeAnythingIsDone() throws IOException {
        Files.createSymbolicLink(project.resolve(".env"), Path.of("../nowhere/settings"));

        assertThat(lib("can_remember; echo done").text()).contains("../nowhere/settings cannot be written by ").doesNotContain("done");
        environment.put("COMPOSE_ENV_FILES", "other.env");
        assertThat(lib("can_remember; echo done").text()).contains("COMPOSE_ENV_FILES").doesNotContain("done");
    }

    @Test
    @ExtendWith(Docker.class)
    void aLockSaysWhoHasItAndThatOfAKilledScriptIsRemoved() throws IOException {
        String pid = String.valueOf(ProcessHandle.current().pid());
        run(project, "mkdir -p var/lock; echo \"$0 $(uname -n) deploy.sh of ann, since noon\" > var/lock/holder;"
                + " TZ=UTC0 LC_ALL=C ps -o lstart= -p $0 >> var/lock/holder", pid).assertSuccess();
        environment.put("TZ", "Asia/Tokyo"); // Another shell than the holder's.

        Docker.Output held = lib("alone; echo free");
        run(project, "sed -i.bak '2s/.*/Thu Jan  1 00:00:00 1970/' var/lock/holder").assertSuccess(); // Another process of that number.
        Docker.Output free = lib("alone; echo free");

        assertThat(held.exitCode()).isEqualTo(1);
        assertThat(held.text()).startsWith("test.sh: another script is changing this stack: deploy.sh of ann, since noon, process " + pid + " on ");
        assertThat(free.text()).isEqualTo("deploy.sh of ann, since noon was killed; its lock is removed\nfree\n");
        assertThat(project.resolve("var/lock")).doesNotExist();
    }

    @Test
    @ExtendWith(Docker.class)
    void whatAnOlderVersionKeptIsMovedOnce() throws IOException {
        run(project, "mkdir elsewhere; touch elsewhere/kept; ln -s elsewhere backups").assertSuccess();
        assertThat(run(project, "bash scripts/doctor.sh").text())
                .contains("warn  backups/ belongs into var/ now: bash scripts/deploy.sh");

        lib("alone").assertSuccess();

        assertThat(project.resolve("var/backups/kept")).exists();
        assertThat(project.resolve("backups")).doesNotExist();
        assertThat(lib("alone").text()).isEmpty();
        run(project, "mkdir backups").assertSuccess();
        assertThat(run(project, "bash scripts/doctor.sh").text()).contains("warn  backups/ is not read any more: move what it holds to var/backups/");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "''|say create, list, rotate or revoke",
        "destroy ann                                   | there is no command destroy",
        "create                                        | create wants a NAME",
        "create Ann --scope a:b                        | a NAME is a lower-case letter, then",
        "create \"ann' OR 1 --\" --scope a:b            | a NAME is a lower-case letter, then",
        "create \"ann\"$'\\n' --scope a:b               | a NAME is a lower-case letter, then",
        "create ann bob --scope a:b                    | create takes one NAME",
        "create 1a2b3c4d --scope a:b                   | a NAME is a lower-case letter, then",
        "create abcdef12 --scope a:b                   | eight letters and digits of a hexadecimal number are an ID",
        "create development --scope a:b                | the token of development is a secret of its own",
        "create ann                                    | a token without a scope may do nothing: add --scope SCOPE",
        "create ann --scope                            | --scope wants a value",
        "create ann --scope a:b,c:d                    | a SCOPE is two words",
        "create ann --scope \"a:b' c\"                  | a SCOPE is two words",
        "create ann --scope a:b --expires 90           | --expires takes days or hours",
        "create ann --scope a:b --expires 0d           | --expires takes days or hours",
        "create ann --scope a:b --expires 3651d        | --expires takes days or hours",
        "create ann --scope a:b --expires 99999999999h | --expires takes days or hours",
        "create ann --scope a:b --overlap 1d           | create has no option --overlap",
        "create ann --scope a:b --file --expires       | --file wants a value",
        "create ann --scope a:b --file .env.example    | PROJECT/.env.example is there already",
        "create ann --scope a:b --file /dev/stdout     | /dev/stdout is there already",
        "create ann --scope a:b                        | a token is shown on a terminal alone: --file FILE",
        "rotate ann --overlap soon                     | --overlap takes days or hours",
        "rotate ann                                    | a token is shown on a terminal alone: --file FILE",
        "revoke                                        | revoke wants a NAME",
        "revoke development                            | the token of development is a secret of its own",
        "list ann                                      | list takes no NAME",
        "list --file x                                 | list has no option --file"
    })
    void whatTokensCannotBeMadeOfIsSaidInASentence(String arguments, String sentence) throws IOException {
        Docker.Output output = run(project, "bash scripts/token.sh " + arguments);

        assertThat(output.text()).startsWith("token.sh: " + sentence.replace("PROJECT", project.toRealPath().toString())).hasLineCount(1);
        assertThat(output.exitCode()).isEqualTo(1);
    }

    /** Programs note their arguments here, and docker, which answers as a database, what that is told. */
    @Test
    void aTokenIsInNoArgumentAndItsHashAloneReachesTheDatabase() throws Exception {
        Path fakes = Files.createDirectory(host.resolve("fakes"));
        String note = "#!/usr/bin/env bash\nprintf '%s\\n' \"$*\" >> \"${0%/*}/told\"\n";
        Files.writeString(fakes.resolve("docker"), note + """
                [[ $* = *"exec -T db"* ]] || exit 0
                statement=$(cat)
                printf '%s\\n' "$statement" >> "${0%/*}/told"
                case $statement in *information_schema*) echo 1 ;; *) [ -z "${REFUSES:-}" ] || exit 1; echo token ;; esac
                """);
        for (String program : List.of("awk", "cut", "grep", "head", "rm", "sed", "sha256sum", "sort", "tr")) {
            Files.writeString(fakes.resolve(program), note + "PATH=${PATH#*:}; exec \"${0##*/}\" \"$@\"\n");
        }
        run(fakes, "chmod +x *").assertSuccess();
        environment.put("PATH", fakes + ":" + System.getenv("PATH"));
        String create = "umask 000; bash 'the project/scripts/token.sh' create ann --scope a:b --scope c:d --expires 12h --file token";

        environment.put("REFUSES", "yes");
        assertThat(run(host, create).text()).isEqualTo("token.sh: the database did not take this: the line above says why\n");
        assertThat(host.resolve("token")).doesNotExist();
        environment.remove("REFUSES");
        Docker.Output output = run(host, create).assertSuccess();

        Path file = host.resolve("token");
        String token = Files.readString(file).strip();
        assertThat(token).matches("[a-z][a-z0-9-]*_[A-Za-z0-9]{43}_[0-9a-f]{6}");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.US_ASCII));
        assertThat(Files.readString(fakes.resolve("told")))
                .contains("UNHEX('" + HexFormat.of().formatHex(hash) + "'), 'ann', 'a:b c:d', UTC_TIMESTAMP(6) + INTERVAL 12 HOUR")
                .doesNotContain(token.split("_")[1]);
        assertThat(output.text()).contains("It is in " + host.toRealPath() + "/token").doesNotContain(token.split("_")[1]);
    }

    @Test
    void aSlipInATokenIsSeen() throws IOException {
        lib("one=$(token); is_token \"$one\"; [[ $one = \"$token_prefix\"_* && $one != \"$(token)\" ]]").assertSuccess();
        Path secret = project.resolve("secrets/dev/api_token.txt");
        assertThat(lib("flaw secrets/dev/api_token.txt").assertSuccess().text()).isEmpty();

        String token = Files.readString(secret);
        for (String slip : List.of(token.replace("development", "Development"), token.replace("_development", "_evelopment"), "another-" + token)) {
            Files.writeString(secret, slip);
            assertThat(lib("flaw secrets/dev/api_token.txt").text()).as(slip).startsWith("is no token of this project");
        }
    }

    @Test
    void theDoctorNamesATokenThatLiesWhereOthersReadItAndShowsItNowhere() throws IOException {
        String token = lib("token").assertSuccess().text();
        run(project, "printf 'TAG=1 # %s\\n' \"$0\" | tee .env > 'a note.md' && git init -q && git add -f secrets/dev 'a note.md'"
                + " && git -c user.name=a -c user.email=a@example.com commit -qm 'A note'", token).assertSuccess();

        String said = run(project, "bash scripts/doctor.sh").text();

        String id = lib("printf %s " + token + " | sha256").text().substring(0, 8);
        for (String file : List.of("a note.md", ".env")) {
            assertThat(said).contains("warn  a token lies in " + file + ": bash scripts/token.sh revoke " + id + ", create another, ");
        }
        assertThat(said).doesNotContain(token, "lies in secrets");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--token-file                  | --token-file wants a file",
        "--token-file nowhere/token    | nowhere/token cannot be read, or holds no token",
        "--token-file scripts          | scripts cannot be read, or holds no token",
        "--token-file .env.example     | .env.example cannot be read, or holds no token",
        "--token-file /dev/null        | /dev/null cannot be read, or holds no token",
        "--token analysis              | there is no option --token"
    })
    void aFileWithoutATokenIsSaidInASentence(String arguments, String sentence) {
        Docker.Output output = run(project, "bash scripts/test-docker-compose.sh --write " + arguments);

        assertThat(output.text()).startsWith("test-docker-compose.sh: " + sentence).hasLineCount(1);
        assertThat(output.exitCode()).isEqualTo(1);
    }

    /** What a script would do with its library. */
    private Docker.Output lib(String commands) {
        return run(project, "script=test.sh; . scripts/lib.sh; " + commands);
    }

    private void assumeCompose() {
        boolean answers = run(project, "docker compose version").exitCode() == 0;
        if (!answers) {
            System.out.println("SKIPPED: what Compose reads in .env, for there is no Docker Compose");
        }
        assumeTrue(answers);
    }

    static Stream<String> scripts() throws IOException {
        try (Stream<Path> files = Files.list(Project.FOLDER.resolve("scripts"))) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".sh") && !name.matches("(lib|model)\\.sh")).sorted().toList().stream();
        }
    }

    private Docker.Output run(Path folder, String command, String... arguments) {
        return Docker.run(folder, environment, Stream.concat(Stream.of("bash", "-c", command), Stream.of(arguments)).toArray(String[]::new));
    }
}
