extension MySQLStore {
  /// The tables of SPEC §7 for fresh databases, for MySQL 5.7 and later and for MariaDB; leaves alone what is there.
  ///
  /// Texts are compared by their bytes, as topics are: order_paid and Order_Paid are two. Bodies may be as large as a
  /// queue server takes them, and a failure text holds 4 KiB of an answer.
  public static let schemaSQL = """
    CREATE TABLE IF NOT EXISTS message_classes (
      class_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
      class_name VARCHAR(255) NOT NULL DEFAULT '',
      class_key VARCHAR(191) NOT NULL,
      comment VARCHAR(1024) NOT NULL DEFAULT '',
      create_time INT UNSIGNED NOT NULL DEFAULT 0,
      PRIMARY KEY (class_id),
      UNIQUE KEY class_key (class_key)
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

    CREATE TABLE IF NOT EXISTS subscribers (
      subscriber_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
      subscriber_name VARCHAR(255) NOT NULL DEFAULT '',
      subscriber_key VARCHAR(191) NOT NULL,
      PRIMARY KEY (subscriber_id),
      UNIQUE KEY subscriber_key (subscriber_key)
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

    CREATE TABLE IF NOT EXISTS subscriptions (
      subscription_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
      message_class_id INT UNSIGNED NOT NULL,
      subscriber_id INT UNSIGNED NOT NULL,
      reception_channel TEXT,
      status TINYINT NOT NULL DEFAULT 0,
      subscribe_time INT UNSIGNED NOT NULL DEFAULT 0,
      timeout INT UNSIGNED NOT NULL DEFAULT 0,
      PRIMARY KEY (subscription_id),
      KEY subscriptions_by_class (message_class_id)
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

    CREATE TABLE IF NOT EXISTS subscription_params (
      subscription_id INT UNSIGNED NOT NULL,
      param_name VARCHAR(64) NOT NULL,
      param_value TEXT NOT NULL,
      PRIMARY KEY (subscription_id, param_name)
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

    CREATE TABLE IF NOT EXISTS broadcast_failure_log (
      log_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
      message_class_id INT UNSIGNED NOT NULL DEFAULT 0,
      subscriber_id INT UNSIGNED NOT NULL DEFAULT 0,
      subscription_id INT UNSIGNED NOT NULL DEFAULT 0,
      message_body LONGTEXT,
      time INT UNSIGNED NOT NULL DEFAULT 0,
      message_time DOUBLE NOT NULL DEFAULT 0,
      first_failure_message TEXT,
      last_failure_message TEXT,
      last_target TEXT,
      job_id VARCHAR(191) NOT NULL DEFAULT '',
      retry_times INT UNSIGNED NOT NULL DEFAULT 0,
      last_retry_time INT UNSIGNED NOT NULL DEFAULT 0,
      final_status TINYINT NOT NULL DEFAULT 0,
      alive TINYINT NOT NULL DEFAULT 0,
      PRIMARY KEY (log_id),
      KEY failures_by_job (subscription_id, job_id),
      KEY failures_by_time (time)
    ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

    """
}
