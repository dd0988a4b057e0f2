package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Deploys to a Swarm of three engines, whose addresses SWARM_ENGINES has, the manager's first: two gateways, the database on the second. */
@ExtendWith({Docker.class, Longer.class})
class SwarmDeployTest {

    private static final String PORT = "8881";

    @TempDir
    static Path project;

    private static List<String> engines;
    private static List<String> gateways;
    private static String token;

    @BeforeAll
    static void up() throws Exception {
        if (System.getenv("SWARM_ENGINES") == null) {
            System.out.println("SKIPPED: SwarmDeployTest, for SWARM_ENGINES names no engines of a Swarm");
            abort("no Swarm");
        }
        engines = List.of(System.getenv("SWARM_ENGINES").split(" "));
        Project.copy(project);
        Files.writeString(project.resolve(".env"), "COMPOSE_PROFILES=backup\nHTTP_PORT=" + PORT + "\nIMAGE=swarm-app\nAPP_REPLICAS=2\nAPP_CPUS=1.0\n");
        here("IMAGE=localhost/swarm-app TAG=first docker compose -f docker-compose.yml build --quiet app; docker tag localhost/swarm-app:first localhost/swarm-app:second;"
                + " printf 'FROM localhost/swarm-app:first\\nENV SERVER_PORT=9999\\n' | docker build --quiet --tag localhost/swarm-app:deaf -;"
                + " docker save $(docker compose -f docker-compose.yml config --images | grep -v ^swarm-app) localhost/swarm-app:{first,second,deaf} > images");
        for (String engine : engines) {
            here("docker --host " + engine + " load --quiet < images");
        }
        Files.delete(project.resolve("images"));
        List<String> nodes = engines.stream().map(engine -> here("docker --host " + engine + " info --format '{{.Swarm.NodeID}}'").strip()).toList();
        gateways = engines.subList(0, 2).stream().map(engine -> here("docker --host " + engine + " info --format '{{.Swarm.NodeAddr}}'").strip()).toList();
        here("bash scripts/secrets.sh");
        assertThat(manager("bash scripts/swarm.sh deploy first").text()).contains("no host that is ready has the label database=primary");
        manager("docker node update --label-add database=primary " + nodes.get(1)).assertSuccess();
        assertThat(manager("bash scripts/swarm.sh deploy first").text()).contains("no host that is ready has the label gateway=yes");
        manager("docker node update --label-add gateway=yes " + nodes.get(0) + " && docker node update --label-add gateway=yes " + nodes.get(1)).assertSuccess();
        assertThat(manager("bash scripts/swarm.sh deploy first").assertSuccess().text()).contains("Pending migrations: V1").endsWith("Deployed first.\n");
        Docker.run(project, Map.of("DOCKER_HOST", engines.get(1)), "bash", "-c",
                "bash scripts/token.sh create tests --scope analyses:read --scope analyses:write --file token").assertSuccess();
        token = Files.readString(project.resolve("token")).strip();
    }

    @AfterAll
    static void down() {
        if (engines != null) {
            manager("docker stack rm " + Project.NAME + "; sleep 20; docker secret ls -q | xargs -r docker secret rm; docker config ls -q | xargs -r docker config rm");
            for (String engine : engines) {
                Docker.run("bash", "-c", "docker --host " + engine + " volume ls -q | grep ^" + Project.NAME + "_ | xargs -r docker --host " + engine + " volume rm");
            }
        }
    }

    @Test
    void aDeployReplacesTheOldVersionAndNoRequestFails() throws Exception {
        Map<String, Integer> answers = whileAsked(() ->
                assertThat(manager("bash scripts/swarm.sh deploy second").assertSuccess().text()).endsWith("Deployed second.\n"));

        assertThat(answers).containsOnlyKeys("200");
        assertThat(manager("bash scripts/swarm.sh status").assertSuccess().text()).contains(Project.NAME + "_app: 2/2 of second on ");
    }

    @Test
    void aVersionThatIsDeafLeavesTheOldOneServing() throws Exception {
        String before = manager("grep ^TAG= .env").text();

        Map<String, Integer> answers = whileAsked(() -> {
            Docker.Output deaf = manager("bash scripts/swarm.sh deploy deaf");
            assertThat(deaf.exitCode()).as(deaf.text()).isEqualTo(1);
            assertThat(deaf.text()).contains("the app of deaf did not become ready; the Swarm serves " + before.strip().replace("TAG=", ""));
        });

        assertThat(answers).containsOnlyKeys("200");
        assertThat(manager("grep ^TAG= .env").text()).isEqualTo(before);
        manager("bash scripts/swarm.sh status").assertSuccess();
    }

    private interface Deploy {
        void run() throws Exception;
    }

    /** The answers of both gateways, each asked ten times a second, and how many there are of each. */
    private static Map<String, Integer> whileAsked(Deploy deploy) throws Exception {
        Map<String, Integer> answers = new ConcurrentHashMap<>();
        AtomicBoolean stop = new AtomicBoolean();
        List<Thread> clients = new ArrayList<>();
        for (String gateway : gateways) {
            HttpClient http = HttpClient.newHttpClient();
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + gateway + ":" + PORT + "/api/analyses"))
                    .timeout(Duration.ofSeconds(20)).header("Authorization", "Bearer " + token).build();
            clients.add(new Thread(() -> {
                while (!stop.get()) {
                    try {
                        answers.merge(String.valueOf(http.send(request, HttpResponse.BodyHandlers.ofString()).statusCode()), 1, Integer::sum);
                        Thread.sleep(100);
                    } catch (IOException e) {
                        answers.merge(e.toString(), 1, Integer::sum);
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            }));
        }
        clients.forEach(Thread::start);
        try {
            deploy.run();
        } finally {
            stop.set(true);
            for (Thread client : clients) {
                client.join();
            }
        }
        System.out.println("while a Swarm was deployed to: " + answers);
        return answers;
    }

    private static Docker.Output manager(String commands) {
        return Docker.run(project, Map.of("DOCKER_HOST", engines.get(0)), "bash", "-c", commands);
    }

    private static String here(String commands) {
        return Docker.run(project, Map.of(), "bash", "-ec", commands).assertSuccess().text();
    }
}
