package dev.slipway.analysis.mixnode.packet;

import com.google.crypto.tink.HybridDecrypt;
import com.google.crypto.tink.HybridEncrypt;
import com.google.crypto.tink.InsecureSecretKeyAccess;
import com.google.crypto.tink.KeysetHandle;
import com.google.crypto.tink.RegistryConfiguration;
import com.google.crypto.tink.TinkJsonProtoKeysetFormat;
import com.google.crypto.tink.hybrid.HpkeParameters;
import com.google.crypto.tink.hybrid.HpkePublicKey;
import com.google.crypto.tink.hybrid.HybridConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The nodes' keys as files: Tink keysets in JSON, {@code mixnode_entry.json} and {@code mixnode_entry.public.json}. A
 * private file may hold the key before, too, whose packets the node still opens.
 */
public final class Keys {

    /** The public keys of secrets/dev, whose private ones everybody knows. */
    private static final Set<String> DEVELOPMENT = Set.of(
            "eb4497b6e7df85424e56e3c07d9608de8aed0b79af3740f83ff7f8f88ee5f715",
            "1db8a2879952faa1a80873327e7f29d869e7783759b1314ad4a5b16e37199c43",
            "371d45c7c78faac0e1bf5ce34aef83e480bbe4b14d2cc0b0f13a463c17bd9a55");

    private static final HpkeParameters PARAMETERS;

    static {
        try {
            HybridConfig.register();
            PARAMETERS = HpkeParameters.builder()
                    .setKemId(HpkeParameters.KemId.DHKEM_X25519_HKDF_SHA256)
                    .setKdfId(HpkeParameters.KdfId.HKDF_SHA256)
                    .setAeadId(HpkeParameters.AeadId.AES_256_GCM)
                    .setVariant(HpkeParameters.Variant.NO_PREFIX) // A prefix would be the same in every packet.
                    .build();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A file of a key, or of a token, that is missing or holds something else; the message says what to do. */
    public static final class KeyFileException extends RuntimeException {

        public KeyFileException(String message) {
            super(message);
        }
    }

    private Keys() {}

    /** @return where a node's private key is in this folder */
    public static Path privateFile(Path folder, Hop hop) {
        return folder.resolve("mixnode_" + hop.label() + ".json");
    }

    /** @return where a node's public key is in this folder */
    public static Path publicFile(Path folder, Hop hop) {
        return folder.resolve("mixnode_" + hop.label() + ".public.json");
    }

    /**
     * Makes the files that are missing in a folder, and overwrites none.
     *
     * @return what was made
     */
    public static List<Path> writeMissing(Path folder) throws IOException {
        List<Path> made = new ArrayList<>();
        if (Files.notExists(folder)) {
            Files.createDirectories(folder);
            setPermissions(folder, "rwx------");
        }
        for (Hop hop : Hop.values()) {
            Path privateFile = privateFile(folder, hop);
            Path publicFile = publicFile(folder, hop);
            try {
                if (Files.notExists(privateFile)) {
                    write(privateFile, json(KeysetHandle.generateNew(PARAMETERS)));
                    made.add(privateFile);
                    Files.deleteIfExists(publicFile);
                }
                if (Files.notExists(publicFile)) {
                    writePublic(publicFile, pair(privateFile));
                    made.add(publicFile);
                }
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        }
        return made;
    }

    /** Makes a new key for a node, which still opens the packets that were made for the one before. */
    public static void renew(Path folder, Hop hop) throws IOException {
        KeysetHandle before = pair(privateFile(folder, hop));
        replace(folder, hop, KeysetHandle.newBuilder()
                .addEntry(KeysetHandle.importKey(before.getPrimary().getKey()).withRandomId())
                .addEntry(KeysetHandle.generateEntryFromParameters(PARAMETERS).withRandomId().makePrimary()));
    }

    /** Takes the key before away from a node. */
    public static void retire(Path folder, Hop hop) throws IOException {
        KeysetHandle pair = pair(privateFile(folder, hop));
        replace(folder, hop, KeysetHandle.newBuilder().addEntry(KeysetHandle.importKey(pair.getPrimary().getKey()).withRandomId().makePrimary()));
    }

    /** The private one first: a node that knows a key too many does no harm. */
    private static void replace(Path folder, Hop hop, KeysetHandle.Builder keys) throws IOException {
        try {
            KeysetHandle pair = keys.build();
            write(privateFile(folder, hop), json(pair));
            writePublic(publicFile(folder, hop), pair);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String json(KeysetHandle pair) throws GeneralSecurityException {
        return TinkJsonProtoKeysetFormat.serializeKeyset(pair, InsecureSecretKeyAccess.get());
    }

    /** The newest alone. */
    private static void writePublic(Path file, KeysetHandle pair) throws IOException, GeneralSecurityException {
        KeysetHandle newest = KeysetHandle.newBuilder()
                .addEntry(KeysetHandle.importKey(pair.getPublicKeysetHandle().getPrimary().getKey()).withRandomId().makePrimary())
                .build();
        write(file, TinkJsonProtoKeysetFormat.serializeKeysetWithoutSecret(newest));
    }

    /** Whole or not at all, and readable by a container's user: it is the folder that keeps other users out. */
    private static void write(Path file, String json) throws IOException {
        Path unfinished = Files.createTempFile(file.toAbsolutePath().getParent(), "." + file.getFileName(), "");
        Files.writeString(unfinished, json + "\n");
        setPermissions(unfinished, "r--r--r--");
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void setPermissions(Path path, String permissions) throws IOException {
        if (Files.getFileStore(path).supportsFileAttributeView(PosixFileAttributeView.class)) {
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
        }
    }

    /** @return whether one of the node's private keys is development's */
    public static boolean isDevelopment(Path file) {
        try {
            KeysetHandle keys = pair(file).getPublicKeysetHandle();
            for (int i = 0; i < keys.size(); i++) {
                byte[] key = ((HpkePublicKey) keys.getAt(i).getKey()).getPublicKeyBytes().toByteArray();
                if (DEVELOPMENT.contains(HexFormat.of().formatHex(key))) {
                    return true;
                }
            }
            return false;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads a node's private key, and the one before if there is one. */
    public static HybridDecrypt readPrivate(Path file) {
        try {
            return pair(file).getPrimitive(RegistryConfiguration.get(), HybridDecrypt.class);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static KeysetHandle pair(Path file) {
        String json = read(file);
        try {
            KeysetHandle pair = TinkJsonProtoKeysetFormat.parseKeyset(json, InsecureSecretKeyAccess.get());
            boolean hpke = true;
            for (int i = 0; i < pair.size(); i++) {
                hpke &= pair.getAt(i).getKey().getParameters().equals(PARAMETERS);
            }
            if (hpke && pair.getPublicKeysetHandle().size() > 0) {
                return pair;
            }
        } catch (GeneralSecurityException | RuntimeException e) {
            // Its message could hold a part of the key.
        }
        throw new KeyFileException(file + " is not a node's private key: make one with \"java -jar mixnode.jar keys --out DIR\".");
    }

    /** Reads the public keys of all nodes. */
    public static Map<Hop, HybridEncrypt> readPublic(Path folder) {
        Map<Hop, HybridEncrypt> keys = new EnumMap<>(Hop.class);
        for (Hop hop : Hop.values()) {
            keys.put(hop, readPublic(folder, hop));
        }
        return keys;
    }

    private static HybridEncrypt readPublic(Path folder, Hop hop) {
        Path file = publicFile(folder, hop);
        String json = read(file);
        try {
            KeysetHandle key = TinkJsonProtoKeysetFormat.parseKeysetWithoutSecret(json);
            if (key.getPrimary().getKey().getParameters().equals(PARAMETERS)) {
                return key.getPrimitive(RegistryConfiguration.get(), HybridEncrypt.class);
            }
        } catch (GeneralSecurityException | RuntimeException e) {
            // As below.
        }
        throw new KeyFileException(file + " is not a node's public key: ask who runs the nodes for it.");
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new KeyFileException("There is no key file " + file + ": make one with \"java -jar mixnode.jar keys --out DIR\".");
        } catch (IOException e) {
            throw new KeyFileException("The key file " + file + " cannot be read: see its owner and mode (" + e + ").");
        }
    }
}
