package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Deploys from a laptop to a server, through a real sshd. The server is a host of its own where SECOND_HOST is what begins a command there
 * and SECOND_ENGINE the address of its engine, else this host.
 */
@ExtendWith(Docker.class)
class DeployOverSshTest {

    private static final String ENGINE = System.getenv("SECOND_ENGINE");
    private static final String OWN = "sha256sum secrets/*.txt; grep -v ^TAG .env";
    private static final String DEPLOYED = "Deployed 1.4.0. To go back: bash scripts/deploy.sh first\n";
    private static final Map<String, String> AT_THE_LAPTOP = new HashMap<>();

    @TempDir
    static Path laptop;

    @TempDir
    static Path server;

    @TempDir
    static Path keys;

    private static Stack stack;
    private static Process sshd;
    private static String host;
    private static String serves;

    @BeforeAll
    static void up() throws Exception {
        if (Docker.run("sh", "-c", "command -v sshd git").exitCode() != 0) {
            System.out.println("SKIPPED: DeployOverSshTest, for there is no sshd here (openssh-server), or no git");
            abort("no sshd");
        }
        String there = Optional.ofNullable(System.getenv("SECOND_HOST")).orElse("");
        if (there.isEmpty()) {
            System.out.println("SKIPPED: DeployOverSshTest on another host, for SECOND_HOST begins no command there");
        }
        stack = Stack.of("docker-compose.yml", "docker-compose.prod.yml").in(server);
        if (!there.isEmpty()) {
            Docker.run("bash", "-c", "docker compose -f docker-compose.yml config --images | grep -v ^" + Project.NAME + " | xargs docker save | docker --host " + ENGINE + " load").assertSuccess();
            stack = stack.on(ENGINE, server);
        }
        stack.run("docker network create " + stack.name()).assertSuccess();

        int port = ThreadLocalRandom.current().nextInt(10_000, 32_000);
        String address = Docker.run("bash", "-c", there + " hostname -I").text().split(" ")[0];
        Docker.run(keys, Map.of(), "bash", "-ec", "ssh-keygen -q -t ed25519 -N '' -f id; ssh-keygen -q -t ed25519 -N '' -f host; mkdir -p /run/sshd;"
                + " echo \"[" + address + "]:" + port + " $(cut -d' ' -f1,2 host.pub)\" > known").assertSuccess();
        sshd = new ProcessBuilder("bash", "-c", "exec " + there + " $(command -v sshd) -D -e -f /dev/null -p " + port + " -h " + keys + "/host"
                + " -o PidFile=none -o StrictModes=no -o AuthorizedKeysFile=" + keys + "/id.pub -o SetEnv=DOCKER_HOST="
                + Optional.ofNullable(ENGINE).orElse("unix:///var/run/docker.sock"))
                .redirectErrorStream(true).redirectOutput(keys.resolve("log").toFile()).start();
        host = System.getProperty("user.name") + "@" + address + ":" + server;
        AT_THE_LAPTOP.put("DEPLOY_SSH", "ssh -p " + port + " -i " + keys + "/id -o UserKnownHostsFile=" + keys + "/known");

        Project.copy(laptop);
        git("init -q && git config user.name ann && git config user.email ann@example.org");
        commit("first", "true");
    }

    @AfterAll
    static void down() {
        if (stack != null) {
            stack.close();
            stack.run("docker network rm " + stack.name());
        }
        if (sshd != null) {
            sshd.descendants().forEach(ProcessHandle::destroy);
            sshd.destroy();
        }
    }

    /** As the first deploy to a server goes; the others begin with what it leaves. */
    @BeforeAll
    static void theFirst() throws Exception {
        Docker.Output first = deploy("first");
        assertThat(first.exitCode()).as(first.text()).isEqualTo(1);
        assertThat(first.text()).contains("has the project now, and no settings: there, bash scripts/secrets.sh, cp .env.example .env");
        stack.run("bash scripts/secrets.sh && cp .env.example .env && printf '%s=%s\\n'"
                + " COMPOSE_FILE docker-compose.yml:docker-compose.prod.yml COMPOSE_PROJECT_NAME " + stack.name()
                + " PROXY_NETWORK " + stack.name() + " IMAGE " + stack.name() + " APP_CPUS 1.0 WORKER_CPUS 1.0 DB_CPUS 1.0 >> .env").assertSuccess();

        assertThat(deploy("first").assertSuccess().text()).contains("Building " + stack.name() + ":first", "Pending migrations: V1", "Deployed first.");
        serves = "first";
        assertServes(serves);
    }

    /** Of git's tag, and the server's own stays; the connection ends while the image is sent, and once more while it is deployed. */
    @Test
    void aConnectionThatEndsLeavesTheServerWhollyInOneVersion() throws Exception {
        String own = stack.run(OWN).text();
        commit("1.4.0", "echo more >> docs/production.md; mkdir new; echo new > new/file; git rm -q docs/timeouts.md; git tag v1.4.0");
        commit("later", "echo later >> docs/production.md");

        Docker.Output cut = deployWithACutAt("Sending " + stack.name(), "1.4.0");
        assertThat(cut.exitCode()).as(cut.text()).isEqualTo(1);
        assertThat(cut.text()).contains("nothing was changed");
        assertServes("first");
        assertThat(server.resolve("new")).doesNotExist();

        // As one that was killed between two files leaves it: without the note of it this would be refused as changed by hand.
        stack.run("mkdir -p var/deploys/2000/files && touch half.of-it && cp -r var/deploys/now/. half.of-it var/deploys/2000/files"
                + " && echo half >> docs/access.md && echo $PWD/var/deploys/2000/files > var/deploys/begun").assertSuccess();
        Docker.Output taken = deployWithACutAt("Pending migrations", "1.4.0").assertSuccess();
        serves = "1.4.0";
        assertThat(taken.text()).contains("the deploy goes on there").endsWith(DEPLOYED);
        assertServes("1.4.0");
        assertThat(server.resolve("half.of-it")).doesNotExist();
        assertThat(server.resolve("docs/access.md")).hasSameTextualContentAs(laptop.resolve("docs/access.md"));
        assertThat(server.resolve("new/file")).hasContent("new");
        assertThat(server.resolve("docs/timeouts.md")).doesNotExist();
        assertThat(Files.readString(server.resolve("docs/production.md"))).endsWith("more\n");
        assertThat(stack.run(OWN).text()).isEqualTo(own);
        assertThat(stack.run("tail -n 1 var/deploys.log").text())
                .containsPattern(" 1.4.0 of \\w+@" + Docker.run("uname", "-n").text().strip() + ", after first: exit status 0");
        assertThat(stack.run("cut -d' ' -f1 var/deploys/*/images | xargs -n1 docker image inspect -f there 2> /dev/null || true").text()).doesNotContain("there");
        assertThat(deploy("--follow").assertSuccess().text()).endsWith(DEPLOYED);
    }

    @Test
    void aDeployThatFailsLeavesTheFilesAndTheVersionOfBefore() throws Exception {
        commit("refused", "echo refused >> docs/access.md; mkdir newer; echo new > newer/file; echo 'exit 3' > scripts/before-deploy.sh;"
                + "echo 'echo \"after $1: $3\"' > scripts/after-deploy.sh");

        Docker.Output refused = deploy("refused");

        assertThat(refused.exitCode()).as(refused.text()).isEqualTo(1);
        assertThat(refused.text()).contains("scripts/before-deploy.sh does not want it; nothing was changed", "after refused: 1",
                "The files on the server are those of before.");
        assertServes(serves);
        assertThat(server.resolve("newer")).doesNotExist();
        assertThat(Files.readString(server.resolve("docs/access.md"))).doesNotEndWith("refused\n");
        git("reset -q --hard HEAD^");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            echo x >> LAPTOP/README.md | not committed, and so not deployed: README.md; commit that first | git -C LAPTOP checkout -q README.md
            cd LAPTOP; touch secrets/x; git add -f secrets/x; git commit -qm x | git tracks what is the server's own: git rm --cached secrets/x | git -C LAPTOP reset -q --hard HEAD^
            echo x >> SERVER/nginx/nginx.conf | changed on the server, and would be lost: nginx/nginx.conf; commit that | cp SERVER/var/deploys/now/nginx/nginx.conf SERVER/nginx
            mkdir SERVER/.git | is a checkout of git: git pull and deploy there | rmdir SERVER/.git
            cd SERVER; mkdir var/lock; printf '1 elsewhere deploy.sh of ann for ann@desk, since noon\\nx\\n' > var/lock/holder | another script is changing this stack: deploy.sh of ann for ann@desk, since noon | rm -r SERVER/var/lock
            """)
    void whatWouldBeLostOrIsUnderWayIsSaidInASentence(String made, String said, String mended) throws IOException {
        shell(made);
        try {
            Docker.Output refused = deploy("other");
            assertThat(refused.exitCode()).as(refused.text()).isEqualTo(1);
            assertThat(refused.text()).contains(said);
            assertServes(serves);
        } finally {
            shell(mended);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            -x | --host is '-x': name a server, as deploy@server or deploy@server:/srv/app
            nobody@no-such-host.invalid | nothing can be deployed to NAME of nobody@no-such-host.invalid: the line above says why; nothing was changed
            """)
    void aServerThatIsNoneIsSaidInASentence(String wrong, String said) {
        Docker.Output refused = Docker.run(laptop, AT_THE_LAPTOP, "bash", "scripts/deploy.sh", "--host", wrong);
        assertThat(refused.exitCode()).as(refused.text()).isEqualTo(1);
        assertThat(refused.text()).endsWith("deploy-over-ssh.sh: " + said.replace("NAME", Project.NAME) + "\n");
    }

    private static void assertServes(String tag) {
        assertThat(stack.run("docker inspect -f '{{.Config.Image}} {{.State.Health.Status}}' $(docker compose ps -q app worker)").text().lines())
                .hasSize(2).allMatch(line -> line.equals("localhost/" + stack.name() + ":" + tag + " healthy"));
        assertThat(stack.run("grep ^TAG= .env").text()).isEqualTo("TAG=" + tag + "\n");
    }

    private static Docker.Output deploy(String argument) {
        return Docker.run(laptop, AT_THE_LAPTOP, "bash", "scripts/deploy.sh", "--host", host, argument);
    }

    /** The connection is cut when the command says a line that begins so. */
    private static Docker.Output deployWithACutAt(String line, String tag) throws Exception {
        ProcessBuilder builder = new ProcessBuilder("bash", "scripts/deploy.sh", "--host", host, tag).directory(laptop.toFile()).redirectErrorStream(true);
        builder.environment().putAll(AT_THE_LAPTOP);
        Process process = builder.start();
        StringBuilder text = new StringBuilder();
        try (BufferedReader output = process.inputReader()) {
            for (String said = output.readLine(); said != null; said = output.readLine()) {
                text.append(said).append('\n');
                if (said.startsWith(line)) {
                    // The connection's own process, not what was begun in it.
                    shell("kill -9 $(ps -o pid= --ppid " + sshd.pid() + ")");
                }
            }
        }
        return new Docker.Output(process.waitFor(), text.toString());
    }

    private static void commit(String message, String change) {
        shell("cd LAPTOP; { " + change.replaceFirst("(; git tag .*)?$", "") + "; }; git add -A; git commit -q --allow-empty -m " + message
                + (change.contains("; git tag ") ? change.substring(change.indexOf("; git tag ")) : ""));
    }

    private static void git(String commands) {
        shell("cd LAPTOP; git " + commands);
    }

    private static void shell(String commands) {
        Docker.run("bash", "-ec", commands.replace("LAPTOP", laptop.toString()).replace("SERVER", server.toString())).assertSuccess();
    }
}
