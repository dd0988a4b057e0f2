import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** The bare driver's rate: reads analyses by id on as many connections as the service is asked on, and nothing else. */
public class PointSelect {

    private static final int CONNECTIONS = 16;
    private static final int ROWS = 10_000;

    /** @param args seconds to warm up, and seconds to measure */
    public static void main(String[] args) throws Exception {
        String password = Files.readString(Path.of("/run/secrets/db_app")).strip();
        long start = System.nanoTime() + TimeUnit.SECONDS.toNanos(Integer.parseInt(args[0]));
        long end = start + TimeUnit.SECONDS.toNanos(Integer.parseInt(args[1]));
        LongAdder reads = new LongAdder();
        List<Callable<Void>> readers = new ArrayList<>();
        for (int i = 0; i < CONNECTIONS; i++) {
            readers.add(() -> {
                try (Connection connection = DriverManager.getConnection(
                                "jdbc:mariadb://db/app?useServerPrepStmts=true", "app", password);
                        PreparedStatement select = connection.prepareStatement("SELECT * FROM analysis WHERE id = UNHEX(?)")) {
                    for (long now = System.nanoTime(); now < end; now = System.nanoTime()) {
                        select.setString(1, "00000000000070008000%012x".formatted(ThreadLocalRandom.current().nextInt(ROWS) + 1));
                        try (ResultSet row = select.executeQuery()) {
                            if (!row.next()) {
                                throw new IllegalStateException("There is no such row: the table is not filled.");
                            }
                        }
                        if (now >= start) {
                            reads.increment();
                        }
                    }
                }
                return null;
            });
        }
        var threads = Executors.newFixedThreadPool(CONNECTIONS);
        for (var reader : threads.invokeAll(readers)) {
            reader.get();
        }
        threads.shutdown();
        System.out.println(reads.sum() / Integer.parseInt(args[1]));
    }
}
