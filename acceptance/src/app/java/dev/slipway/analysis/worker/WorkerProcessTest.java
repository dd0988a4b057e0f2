package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.ServiceTest;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.context.annotation.Import;

/** Workers that are processes, and one job that ends each that computes it. */
@ServiceTest
@Import(Errands.class)
class WorkerProcessTest {

    @Autowired
    JdbcConnectionDetails connection;

    @Autowired
    Errands errands;

    @AfterEach
    void cleanUp() {
        errands.clear();
    }

    @Test
    @Timeout(300)
    void oneThatEndsItsWorkersIsGivenUpAndNoneOfItsNeighbours() throws Exception {
        errands.submit("deadly", 666);
        for (int i = 0; i < 9; i++) {
            errands.submit("innocent", i);
        }
        int deaths = 0;

        while (errands.count("due_at IS NOT NULL") > 0) {
            Process worker = start();
            while (worker.isAlive() && errands.count("due_at IS NOT NULL") > 0) {
                Thread.sleep(50);
            }
            worker.getOutputStream().close();
            if (worker.waitFor() == DeadlyWorker.STATUS) {
                deaths++;
            }
        }

        assertThat(errands.count("name = 'innocent' AND status = 'DONE' AND attempts = 1")).isEqualTo(9);
        assertThat(errands.count("name = 'deadly' AND status = 'FAILED' AND failure LIKE 'Given up after 1 attempts: the last worker%'")).isEqualTo(1);
        assertThat(deaths).as("one in company, one alone").isEqualTo(2);
    }

    private Process start() throws Exception {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SpringApplication.class.getName(), // For test-run one class alone may have a main method.
                        "--spring.main.sources=" + DeadlyWorker.class.getName(),
                        "--spring.main.web-application-type=none",
                        connection.getJdbcUrl(),
                        connection.getUsername(),
                        connection.getPassword())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }
}
