using System.Globalization;
using System.Threading.Channels;
using Containers.Native;
using Tmds.DBus.Protocol;

namespace Containers.Systemd;

/// <summary>A systemd, over its bus: org.freedesktop.systemd1(5).</summary>
internal sealed class Manager : IDisposable
{
    private const string Service = "org.freedesktop.systemd1", Object = "/org/freedesktop/systemd1", Interface = "org.freedesktop.systemd1.Manager";

    private readonly DBusConnection _connection;

    private Manager(DBusConnection connection) => _connection = connection;

    public void Dispose() => _connection.Dispose();

    /// <summary>Connects to this user's systemd; root's is the system's.</summary>
    /// <exception cref="ContainerException">None answers: it says where it was looked for.</exception>
    public static async Task<Manager> ConnectAsync(CancellationToken cancellation)
    {
        List<string> tried = [];
        foreach (string address in Addresses())
        {
            DBusConnection connection = new(address);
            try
            {
                await connection.ConnectAsync().AsTask().WaitAsync(cancellation).ConfigureAwait(false);
                string[] services = await connection.ListServicesAsync().WaitAsync(cancellation).ConfigureAwait(false);
                if (services.Contains(Service))
                {
                    return new Manager(connection);
                }

                tried.Add($"{address}: no systemd is on this bus");
            }
            catch (Exception e) when (e is DBusExceptionBase or ArgumentException)
            {
                tried.Add($"{address}: {(e.InnerException ?? e).Message}");
            }
            catch
            {
                connection.Dispose();
                throw;
            }

            connection.Dispose();
        }

        throw new ContainerException($"No systemd answers: {string.Join("; ", tried)}.", Environment.IsPrivilegedProcess
            ? "A host that systemd has started has it; and the package dbus."
            : "A user's systemd runs while the user is logged in, or always after \"loginctl enable-linger USER\"; the package dbus-user-session gives it a bus.");
    }

    /// <summary>Makes a scope with this process in it, and waits until it is.</summary>
    /// <exception cref="ContainerException">systemd does not want to, or cannot.</exception>
    public async Task StartScopeAsync(string unit, string? slice, CancellationToken cancellation)
    {
        // A job may have ended before the reply says which one was meant.
        Channel<(string Job, string Result)> ended = Channel.CreateUnbounded<(string, string)>();
        try
        {
            await CallAsync("Subscribe").WaitAsync(cancellation).ConfigureAwait(false); // without it no signal is sent
            using IDisposable watch = await _connection.WatchSignalAsync(Service, Object, Interface, "JobRemoved", ReadJobRemoved, (Notification<(string, string)> told) =>
            {
                if (told.HasValue)
                {
                    ended.Writer.TryWrite(told.Value);
                }
                else
                {
                    ended.Writer.TryComplete(told.CompletionReason);
                }
            }, ObserverFlags.EmitOnConnectionFailed).AsTask().WaitAsync(cancellation).ConfigureAwait(false);

            uint process = await OwnNumberAsync().WaitAsync(cancellation).ConfigureAwait(false);
            string job = await _connection.CallMethodAsync(StartTransientUnit(unit, slice, process), static (message, _) => message.GetBodyReader().ReadObjectPathAsString(), null)
                .WaitAsync(cancellation).ConfigureAwait(false);
            string result = "lost";
            await foreach ((string which, string how) in ended.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                if (which == job)
                {
                    result = how;
                    break;
                }
            }

            if (result != "done")
            {
                throw new ContainerException($"systemd did not make \"{unit}\": its job ended as \"{result}\".", $"\"journalctl {(Environment.IsPrivilegedProcess ? "" : "--user ")}-u {unit}\" tells more.");
            }
        }
        catch (DBusExceptionBase e)
        {
            throw new ContainerException($"systemd did not make \"{unit}\": {e.Message}", innerException: e);
        }
    }

    // Where a user's bus is: as dbus says it, as systemd's login does, and where that is when nothing was said (su, cron).
    private static IEnumerable<string> Addresses()
    {
        if (Environment.IsPrivilegedProcess)
        {
            yield return Environment.GetEnvironmentVariable("DBUS_SYSTEM_BUS_ADDRESS") is { Length: > 0 } system ? system : "unix:path=/run/dbus/system_bus_socket";
            yield break;
        }

        string standard = string.Create(CultureInfo.InvariantCulture, $"/run/user/{Kernel.geteuid()}/bus");
        List<string> addresses = [];
        if (Environment.GetEnvironmentVariable("DBUS_SESSION_BUS_ADDRESS") is { Length: > 0 } session)
        {
            addresses.Add(session);
        }

        if (Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime)
        {
            addresses.Add($"unix:path={runtime}/bus");
        }

        addresses.Add($"unix:path={standard}");
        foreach (string address in addresses.Distinct())
        {
            yield return address;
        }
    }

    // As the bus sees it: in a PID namespace of its own this process has another number for systemd, and ours would be somebody else's there.
    private Task<uint> OwnNumberAsync()
    {
        using MessageWriter writer = _connection.GetMessageWriter();
        writer.WriteMethodCallHeader("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixProcessID", "s");
        writer.WriteString(_connection.UniqueName ?? "");
        return _connection.CallMethodAsync(writer.CreateMessage(), static (message, _) => message.GetBodyReader().ReadUInt32(), null);
    }

    private Task CallAsync(string member)
    {
        using MessageWriter writer = _connection.GetMessageWriter();
        writer.WriteMethodCallHeader(Service, Object, Interface, member);
        return _connection.CallMethodAsync(writer.CreateMessage());
    }

    private static (string Job, string Result) ReadJobRemoved(Message message, object? state)
    {
        Reader reader = message.GetBodyReader();
        reader.ReadUInt32(); // its number, which the path has as well
        string job = reader.ReadObjectPathAsString();
        reader.ReadString(); // the unit
        return (job, reader.ReadString());
    }

    private MessageBuffer StartTransientUnit(string unit, string? slice, uint process)
    {
        MessageWriter writer = _connection.GetMessageWriter();
        writer.WriteMethodCallHeader(Service, Object, Interface, "StartTransientUnit", "ssa(sv)a(sa(sv))");
        writer.WriteString(unit);
        writer.WriteString("fail");
        ArrayStart properties = writer.WriteArrayStart(DBusType.Struct);
        Add(ref writer, "PIDs", VariantValue.Array(new[] { process }));
        Add(ref writer, "Delegate", VariantValue.Bool(true));
        Add(ref writer, "CollectMode", VariantValue.String("inactive-or-failed"));
        Add(ref writer, "Description", VariantValue.String($"Containers of {Path.GetFileName(Environment.ProcessPath)} ({Environment.ProcessId})"));
        if (slice is not null)
        {
            Add(ref writer, "Slice", VariantValue.String(slice));
        }

        writer.WriteArrayEnd(properties);
        writer.WriteArrayEnd(writer.WriteArrayStart(DBusType.Struct)); // no units beside it
        return writer.CreateMessage();

        static void Add(ref MessageWriter writer, string name, VariantValue value)
        {
            writer.WriteStructureStart();
            writer.WriteString(name);
            writer.WriteVariant(value);
        }
    }
}
